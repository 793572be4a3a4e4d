#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/coordination/wait_list.h"
#include "broker/coordination/zk_code.h"
#include "runtime/result.h"
#include "runtime/task.h"
#include "runtime/unique_function.h"

namespace gregor {

enum class CreateMode { persistent, ephemeral, persistent_sequential, ephemeral_sequential };
enum class Watch { no, yes };
inline constexpr int32_t kAnyVersion = -1;

/// What ZooKeeper keeps about a node. A zxid numbers a write, in the order of all writes.
struct ZkStat {
  int64_t czxid = 0;  // of the write that created the node
  int64_t mzxid = 0;  // of the last write to its data
  int64_t pzxid = 0;  // of the last change to its children
  int64_t ctime_ms = 0;
  int64_t mtime_ms = 0;
  int32_t version = 0;          // writes to the data
  int32_t cversion = 0;         // changes to the children
  int64_t ephemeral_owner = 0;  // the session it lives with; 0: none
  int32_t data_length = 0;
  int32_t num_children = 0;
};

struct ZkCreated {
  std::string path;  // with the sequence number
  ZkStat stat;
};
struct ZkNode {
  std::string data;
  ZkStat stat;
};
struct ZkChildren {
  std::vector<std::string> names;  // in no order
  ZkStat stat;
};

/// One operation of a multi.
struct ZkOp {
  enum class Kind { create, set, remove, check };
  Kind kind = Kind::check;
  std::string path;
  std::string data;
  int32_t version = kAnyVersion;
  CreateMode mode = CreateMode::persistent;

  static ZkOp create(std::string path, std::string data, CreateMode mode = CreateMode::persistent);
  static ZkOp set(std::string path, std::string data, int32_t version);
  static ZkOp remove(std::string path, int32_t version);
  static ZkOp check(std::string path, int32_t version);
};

struct ZkOpResult {
  ZkCode code = ZkCode::ok;
  std::string path;  // of a create, with the sequence number
  ZkStat stat;       // of a set
};

/// What became of a multi, which is done as a whole or not at all. As a Result it is what the operations yielded,
/// or the error of the one that failed.
class [[nodiscard]] ZkMultiResult : public Result<std::vector<ZkOpResult>> {
 public:
  using Result::Result;
  ZkMultiResult(Error error, std::optional<size_t> failed) : Result(std::move(error)), failed_op(failed) {}

  /// Which operation made it fail; none when it was done, or failed for a reason that is none of theirs.
  std::optional<size_t> failed_op;
};

struct WatchEvent {
  enum class Type { created, deleted, data_changed, children_changed };
  Type type;
  std::string path;
};

/// `connecting` keeps the session: watches and ephemeral nodes stay. `expired` lost it: they are gone, and a new
/// session is on its way, announced by `connected`.
enum class SessionState { connecting, connected, expired, auth_failed, closed };

/// The coordination service as the broker sees it. Paths are relative to the chroot.
///
/// All calls are made on one shard, and all answers and events come on it. Requests are carried out in the order in
/// which they were made. While there is no connection they wait for it, and those that a lost connection left
/// undecided are made again; so a create may find the node that it made itself. They fail with session_expired when
/// the session ends first.
/// A watch fires once, before the answer to any later read that would show the change.
class ZooKeeper {
 public:
  virtual ~ZooKeeper() = default;

  virtual Task<Result<ZkCreated>> create(std::string path, std::string data, CreateMode mode) = 0;
  virtual Task<Result<ZkNode>> get(std::string path, Watch watch) = 0;
  /// None when there is no such node, which is no error; the watch is set in either case.
  virtual Task<Result<std::optional<ZkStat>>> exists(std::string path, Watch watch) = 0;
  virtual Task<Result<ZkChildren>> children(std::string path, Watch watch) = 0;
  virtual Task<Result<ZkStat>> set(std::string path, std::string data, int32_t version) = 0;
  virtual Task<Result<void>> remove(std::string path, int32_t version) = 0;
  virtual Task<ZkMultiResult> multi(std::vector<ZkOp> ops) = 0;
  /// The session's id, 0 before the first.
  virtual int64_t session_id() const = 0;
  /// The id of the session before this one, which expired; 0 when there was none.
  virtual int64_t previous_session_id() const = 0;

  /// The same for many paths at once, answers in the order of the paths. They are in flight together, as many as
  /// zookeeper.max.in.flight.requests allows.
  Task<std::vector<Result<ZkNode>>> get_all(std::vector<std::string> paths, Watch watch);
  Task<std::vector<Result<std::optional<ZkStat>>>> exists_all(std::vector<std::string> paths, Watch watch);
  Task<std::vector<Result<ZkChildren>>> children_all(std::vector<std::string> paths, Watch watch);
  Task<std::vector<ZkMultiResult>> multi_all(std::vector<std::vector<ZkOp>> multis);

  /// Who is told of every watch that fires and of every change of the session's state. Each set once.
  void on_watch(UniqueFunction<void(WatchEvent)> handler) { watch_handler_ = std::move(handler); }
  void on_session(UniqueFunction<void(SessionState)> handler) { session_handler_ = std::move(handler); }

  /// Waits for the next event on `path`, for which a watch was set just before. False when none came before
  /// `deadline` or the session was lost.
  Task<bool> next_event(std::string path, Instant deadline);

 protected:
  void deliver(WatchEvent event);
  void deliver(SessionState state);

 private:
  UniqueFunction<void(WatchEvent)> watch_handler_;
  UniqueFunction<void(SessionState)> session_handler_;
  std::map<std::string, WaitList> waiting_;
  uint64_t sessions_lost_ = 0;
};

}  // namespace gregor
