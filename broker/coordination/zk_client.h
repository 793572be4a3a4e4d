#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "broker/coordination/connect_string.h"
#include "broker/coordination/outage.h"
#include "broker/coordination/zk_metrics.h"
#include "broker/coordination/zookeeper.h"
#include "runtime/background_pool.h"
#include "runtime/shard.h"

namespace gregor {

namespace zk_request {
class Request;
}
class ZkSession;
struct ZkSessionKey;

struct ZkClientOptions {
  std::string connect;                                     // zookeeper.connect
  Duration session_timeout = std::chrono::seconds(18);     // zookeeper.session.timeout.ms
  Duration connection_timeout = std::chrono::seconds(18);  // zookeeper.connection.timeout.ms
  size_t max_in_flight = 10;                               // zookeeper.max.in.flight.requests
  std::string session_file;                                // remembers the session (SessionFile); empty: none does
  std::stop_token give_up;                                 // ends an attempt to connect that is under way
};

/// ZooKeeper over the Apache C client, whose threads only post to the shard.
///
/// When the session expires it tells on_session, fails what is under way, and starts a new session by itself.
/// Owned by main; closed, and the close awaited, before it is destroyed. Every call is made on `shard`.
class ZkClient final : public ZooKeeper {
 public:
  /// Connects and creates the chroot where it is missing. Errors: invalid_argument for a bad connect string,
  /// connection_loss when no server answered within the connection timeout, or before `give_up` was stopped.
  static Task<Result<std::unique_ptr<ZkClient>>> connect(Shard& shard, BackgroundPool& pool,
                                                         ZkClientOptions options);
  ~ZkClient() override;

  Task<Result<ZkCreated>> create(std::string path, std::string data, CreateMode mode) override;
  Task<Result<ZkNode>> get(std::string path, Watch watch) override;
  Task<Result<std::optional<ZkStat>>> exists(std::string path, Watch watch) override;
  Task<Result<ZkChildren>> children(std::string path, Watch watch) override;
  Task<Result<ZkStat>> set(std::string path, std::string data, int32_t version) override;
  Task<Result<void>> remove(std::string path, int32_t version) override;
  Task<ZkMultiResult> multi(std::vector<ZkOp> ops) override;
  int64_t session_id() const override { return session_id_; }
  int64_t previous_session_id() const override { return previous_session_id_; }
  SessionState state() const { return state_; }
  MetricSource& metrics() { return metrics_; }

  /// Ends the session, so that its ephemeral nodes vanish at once. What is under way fails with `closed`.
  Task<void> close();

 private:
  class Callbacks;
  struct Submission;
  using Request = zk_request::Request;

  ZkClient(Shard& shard, BackgroundPool& pool, ZkClientOptions options, ConnectString servers);

  Task<Result<void>> start();
  Task<Result<void>> create_chroot();
  Task<void> end_predecessor();
  static Task<void> remember(BackgroundPool& pool, std::string path, ZkSessionKey session);
  /// Opens a session, again and again while that fails, until `deadline` or close.
  Task<Result<void>> open_session(Instant deadline);
  Task<void> close_session(int pending_code);
  Task<void> replace_session();

  void submit(Request& request);
  void send_queued();
  void on_answer(Request& request);
  static void finish(Request& request, int code);
  void fail_queued(int code);
  void on_session_changed(uint64_t generation, SessionState state, const ZkSessionKey& session);
  // While there is no connection the log tells of it, now and then.
  void begin_outage();
  void tell_again_of_outage();
  void end_outage();
  void on_watch_fired(uint64_t generation, WatchEvent event);

  std::string full_path(const std::string& path) const;
  std::string relative_path(std::string path) const;

  Shard& shard_;
  BackgroundPool& pool_;
  const ZkClientOptions options_;
  const ConnectString servers_;
  const std::unique_ptr<Callbacks> callbacks_;
  std::unique_ptr<ZkSession> session_;
  uint64_t generation_ = 0;  // of the session; what an earlier one still reports is ignored
  SessionState state_ = SessionState::connecting;
  int64_t session_id_ = 0;
  int64_t previous_session_id_ = 0;
  bool closing_ = false;
  bool replacing_ = false;
  Instant connectionless_since_{};
  OutagePace outage_pace_;
  TimerId outage_timer_ = 0;
  WaitList changed_;  // woken at every change of state_, replacing_ or closing_

  ZkMetrics metrics_;
  uint64_t last_number_ = 0;
  std::deque<Request*> queue_;    // in the order of their numbers
  std::set<Request*> in_flight_;  // at most max_in_flight
};

}  // namespace gregor
