#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/coordination/zk_client.h"
#include "tests/support/test_shard.h"
#include "tests/support/zookeeper_server.h"

namespace gregor::testing {

using namespace std::chrono_literals;

/// The one ZooKeeper server of this test program.
ZooKeeperServer& server();
/// A chroot that no other test uses.
std::string fresh_chroot();
/// Ends the session of somebody else: takes it over with its id and password, and closes it.
void expire_session(const std::string& address, int64_t session_id);

bool eventually(const std::function<bool()>& condition, Duration timeout = 10s);

/// A client on a shard of its own, driven from the test's thread.
class TestClient {
 public:
  explicit TestClient(const std::string& chroot, Duration session_timeout = 4s,
                      size_t max_in_flight = ZkClientOptions().max_in_flight);
  ~TestClient();

  ZkClient& operator*() { return *client_; }
  ZkClient* operator->() { return client_.get(); }
  EpollShard& shard() { return *shard_; }
  /// Runs `task`, made with this client, and returns its outcome.
  template <class T>
  T run(Task<T> task) {
    return shard_.run(std::move(task));
  }
  void close();

  Result<ZkCreated> create(std::string path, std::string data = {}, CreateMode mode = CreateMode::persistent) {
    return run(client_->create(std::move(path), std::move(data), mode));
  }
  Result<ZkNode> get(std::string path, Watch watch = Watch::no) {
    return run(client_->get(std::move(path), watch));
  }
  bool exists(std::string path) { return run(client_->exists(std::move(path), Watch::no))->has_value(); }
  int64_t session_id() {
    return shard_.call([this] { return client_->session_id(); });
  }
  std::vector<WatchEvent> events() {
    return shard_.call([this] { return events_; });
  }
  std::vector<SessionState> states() {
    return shard_.call([this] { return states_; });
  }

 private:
  TestShard shard_;
  ThreadPool pool_{2};
  std::unique_ptr<ZkClient> client_;
  std::vector<WatchEvent> events_;
  std::vector<SessionState> states_;
};

}  // namespace gregor::testing
