#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "broker/coordination/zookeeper.h"

namespace gregor::testing {

/// ZooKeeper in memory: a tree with versions, ephemeral nodes, watches that fire once, and multi with check. What
/// other clients do is told with `others_…`. Answers come in the order of the requests, one turn of the shard
/// later.
class FakeZooKeeper final : public ZooKeeper {
 public:
  static constexpr int64_t kOtherSession = 0x999;

  Task<Result<ZkCreated>> create(std::string path, std::string data, CreateMode mode) override;
  Task<Result<ZkNode>> get(std::string path, Watch watch) override;
  Task<Result<std::optional<ZkStat>>> exists(std::string path, Watch watch) override;
  Task<Result<ZkChildren>> children(std::string path, Watch watch) override;
  Task<Result<ZkStat>> set(std::string path, std::string data, int32_t version) override;
  Task<Result<void>> remove(std::string path, int32_t version) override;
  Task<ZkMultiResult> multi(std::vector<ZkOp> ops) override;
  int64_t session_id() const override { return session_id_; }
  int64_t previous_session_id() const override { return previous_session_id_; }

  // What somebody else does. Parents are made where they are missing. Called on the shard, as is the rest.
  void others_put(const std::string& path, const std::string& data, bool is_ephemeral = false);
  void others_remove(const std::string& path);

  // What is there; without a trace in the requests.
  bool has(const std::string& path) const { return nodes_.contains(path); }
  std::string data(const std::string& path) const { return has(path) ? nodes_.at(path).data : ""; }
  ZkStat stat(const std::string& path) const { return has(path) ? nodes_.at(path).stat : ZkStat{}; }
  std::vector<std::string> names_below(const std::string& path) const;

  // Trouble.
  /// The next request on `path` that can end with `code` fails with it, and nothing is done.
  void fail_next(const std::string& path, ZkCode code) { failures_.emplace(path, code); }
  /// The next multi is done twice, as when the connection is lost before its answer came.
  void lose_answer_of_next_multi() { does_multi_twice_ = true; }
  /// The session ends, and with it ephemeral nodes and watches; then another begins.
  void expire_session();
  /// Requests get no answer until the connection is back.
  void disconnect() { is_connected_ = false; }
  void reconnect();

 private:
  struct Node {
    std::string data;
    ZkStat stat;
  };
  struct Turn;

  ZkCode take_failure(const std::string& path);
  ZkCode take_failure_of_read(const std::string& path);
  ZkCode check(const ZkOp& op) const;
  ZkOpResult apply(const ZkOp& op, int64_t owner);
  /// Gives sequential nodes their numbers, one sequence for all folders.
  void number(std::vector<ZkOp>& ops);
  ZkMultiResult try_multi(std::vector<ZkOp> ops);
  void fire(WatchEvent::Type type, const std::string& path, std::map<std::string, int>& watches);
  void on_changed(const std::string& path, WatchEvent::Type type);
  bool has_children(const std::string& path) const { return !names_below(path).empty(); }

  std::map<std::string, Node> nodes_{{"/", Node{}}};
  std::map<std::string, int> data_watches_;
  std::map<std::string, int> child_watches_;
  std::multimap<std::string, ZkCode> failures_;
  bool does_multi_twice_ = false;
  bool is_connected_ = true;
  std::deque<std::coroutine_handle<>> disconnected_;
  int64_t last_zxid_ = 100;
  int64_t next_number_ = 0;
  int64_t session_id_ = 0x1;
  int64_t previous_session_id_ = 0;
};

}  // namespace gregor::testing
