#include "tests/support/fake_zookeeper.h"

#include <fmt/format.h>

#include <set>

#include "zk-schema/paths.h"

namespace gregor::testing {
namespace {

ZkCode code_of(const Error& error) { return static_cast<ZkCode>(error.code.value()); }

}  // namespace

/// Awaited by every request before it is carried out; yields the session that it was made in.
struct FakeZooKeeper::Turn {
  FakeZooKeeper* owner;
  int64_t session = owner->session_id_;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const {
    if (!owner->is_connected_) {
      owner->disconnected_.push_back(awaiting);
    } else {
      Shard::current()->post([awaiting] { awaiting.resume(); });
    }
  }
  /// Whether the session is still the same.
  bool await_resume() const { return session == owner->session_id_; }
};

ZkCode FakeZooKeeper::take_failure(const std::string& path) {
  auto found = failures_.find(path);
  if (found == failures_.end()) return ZkCode::ok;
  ZkCode code = found->second;
  failures_.erase(found);
  return code;
}

ZkCode FakeZooKeeper::take_failure_of_read(const std::string& path) {
  auto found = failures_.find(path);
  bool is_of_creation = found != failures_.end() && found->second == ZkCode::node_exists;
  return is_of_creation ? ZkCode::ok : take_failure(path);
}

// --- requests ---

Task<Result<ZkCreated>> FakeZooKeeper::create(std::string path, std::string data, CreateMode mode) {
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::create(path, std::move(data), mode));
  ZkMultiResult done = co_await multi(std::move(ops));
  if (!done) co_return zk_error(code_of(done.error()), "create", path);
  const std::string& created = (*done)[0].path;
  co_return ZkCreated{created, stat(created)};
}

Task<Result<ZkNode>> FakeZooKeeper::get(std::string path, Watch watch) {
  Turn turn{this};
  bool same_session = co_await turn;
  if (!same_session) co_return zk_error(ZkCode::session_expired, "get", path);
  if (ZkCode code = take_failure_of_read(path); code != ZkCode::ok) co_return zk_error(code, "get", path);
  if (!has(path)) co_return zk_error(ZkCode::no_node, "get", path);
  if (watch == Watch::yes) ++data_watches_[path];
  co_return ZkNode{data(path), stat(path)};
}

Task<Result<std::optional<ZkStat>>> FakeZooKeeper::exists(std::string path, Watch watch) {
  Turn turn{this};
  bool same_session = co_await turn;
  if (!same_session) co_return zk_error(ZkCode::session_expired, "exists", path);
  if (ZkCode code = take_failure_of_read(path); code != ZkCode::ok) co_return zk_error(code, "exists", path);
  if (watch == Watch::yes) ++data_watches_[path];
  if (!has(path)) co_return std::optional<ZkStat>();
  co_return std::optional<ZkStat>(stat(path));
}

Task<Result<ZkChildren>> FakeZooKeeper::children(std::string path, Watch watch) {
  Turn turn{this};
  bool same_session = co_await turn;
  if (!same_session) co_return zk_error(ZkCode::session_expired, "children", path);
  if (ZkCode code = take_failure_of_read(path); code != ZkCode::ok) co_return zk_error(code, "children", path);
  if (!has(path)) co_return zk_error(ZkCode::no_node, "children", path);
  if (watch == Watch::yes) ++child_watches_[path];
  co_return ZkChildren{names_below(path), stat(path)};
}

Task<Result<ZkStat>> FakeZooKeeper::set(std::string path, std::string data, int32_t version) {
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::set(path, std::move(data), version));
  ZkMultiResult done = co_await multi(std::move(ops));
  if (!done) co_return zk_error(code_of(done.error()), "set", path);
  co_return (*done)[0].stat;
}

Task<Result<void>> FakeZooKeeper::remove(std::string path, int32_t version) {
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::remove(path, version));
  ZkMultiResult done = co_await multi(std::move(ops));
  if (!done) co_return zk_error(code_of(done.error()), "remove", path);
  co_return Result<void>();
}

Task<ZkMultiResult> FakeZooKeeper::multi(std::vector<ZkOp> ops) {
  Turn turn{this};
  bool same_session = co_await turn;
  if (!same_session) co_return ZkMultiResult(zk_error(ZkCode::session_expired, "multi", ops[0].path), std::nullopt);
  for (size_t i = 0; i < ops.size(); ++i) {
    ZkCode code = take_failure(ops[i].path);
    if (code != ZkCode::ok) co_return ZkMultiResult(zk_error(code, "multi", ops[i].path), i);
  }
  if (std::exchange(does_multi_twice_, false)) static_cast<void>(try_multi(ops));
  co_return try_multi(ops);
}

void FakeZooKeeper::number(std::vector<ZkOp>& ops) {
  for (ZkOp& op : ops) {
    bool is_sequential =
        op.mode == CreateMode::persistent_sequential || op.mode == CreateMode::ephemeral_sequential;
    if (op.kind == ZkOp::Kind::create && is_sequential) op.path += fmt::format("{:010d}", next_number_++);
  }
}

ZkMultiResult FakeZooKeeper::try_multi(std::vector<ZkOp> ops) {
  number(ops);
  // Checked against copies, so that a failed multi leaves no trace: neither a node nor a fired watch.
  auto before = nodes_;
  int64_t zxid_before = last_zxid_++;
  for (size_t i = 0; i < ops.size(); ++i) {
    ZkCode code = check(ops[i]);
    if (code != ZkCode::ok) {
      nodes_ = std::move(before);
      last_zxid_ = zxid_before;
      return ZkMultiResult(zk_error(code, "multi", ops[i].path), i);
    }
    apply(ops[i], session_id_);
  }
  std::vector<ZkOpResult> results;
  for (const ZkOp& op : ops)
    results.push_back({ZkCode::ok, op.kind == ZkOp::Kind::create ? op.path : "", stat(op.path)});
  for (const ZkOp& op : ops) {
    if (op.kind == ZkOp::Kind::create) on_changed(op.path, WatchEvent::Type::created);
    if (op.kind == ZkOp::Kind::set) on_changed(op.path, WatchEvent::Type::data_changed);
    if (op.kind == ZkOp::Kind::remove) on_changed(op.path, WatchEvent::Type::deleted);
  }
  return ZkMultiResult(std::move(results));
}

ZkCode FakeZooKeeper::check(const ZkOp& op) const {
  if (op.kind == ZkOp::Kind::create) {
    if (has(op.path)) return ZkCode::node_exists;
    auto parent = nodes_.find(zk::paths::parent(op.path));
    if (parent == nodes_.end()) return ZkCode::no_node;
    return parent->second.stat.ephemeral_owner != 0 ? ZkCode::no_children_for_ephemerals : ZkCode::ok;
  }
  if (!has(op.path)) return ZkCode::no_node;
  if (op.version != kAnyVersion && op.version != stat(op.path).version) return ZkCode::bad_version;
  if (op.kind == ZkOp::Kind::remove && has_children(op.path)) return ZkCode::not_empty;
  return ZkCode::ok;
}

static bool is_ephemeral(CreateMode mode) {
  return mode == CreateMode::ephemeral || mode == CreateMode::ephemeral_sequential;
}

ZkOpResult FakeZooKeeper::apply(const ZkOp& op, int64_t owner) {
  if (op.kind == ZkOp::Kind::remove) nodes_.erase(op.path);
  if (op.kind == ZkOp::Kind::create) {
    Node& node = nodes_[op.path];
    node.data = op.data;
    node.stat.czxid = node.stat.mzxid = last_zxid_;
    node.stat.ctime_ms = Shard::current()->clock().wall_ms();
    node.stat.ephemeral_owner = is_ephemeral(op.mode) ? owner : 0;
  }
  if (op.kind == ZkOp::Kind::set) {
    Node& node = nodes_[op.path];
    node.data = op.data;
    node.stat.mzxid = last_zxid_;
    ++node.stat.version;
  }
  return {ZkCode::ok, op.path, stat(op.path)};
}

std::vector<std::string> FakeZooKeeper::names_below(const std::string& path) const {
  std::vector<std::string> names;
  for (const auto& [candidate, node] : nodes_) {
    if (candidate != "/" && zk::paths::parent(candidate) == path) names.emplace_back(zk::paths::name(candidate));
  }
  return names;
}

// --- watches ---

void FakeZooKeeper::fire(WatchEvent::Type type, const std::string& path, std::map<std::string, int>& watches) {
  if (watches.erase(path) > 0) deliver(WatchEvent{type, path});
}

void FakeZooKeeper::on_changed(const std::string& path, WatchEvent::Type type) {
  fire(type, path, data_watches_);
  if (type == WatchEvent::Type::data_changed) return;
  if (type == WatchEvent::Type::deleted) fire(type, path, child_watches_);
  fire(WatchEvent::Type::children_changed, zk::paths::parent(path), child_watches_);
}

// --- others ---

void FakeZooKeeper::others_put(const std::string& path, const std::string& data, bool is_ephemeral) {
  std::string parent = zk::paths::parent(path);
  if (!has(parent)) others_put(parent, "");
  ++last_zxid_;
  bool is_new = !has(path);
  CreateMode mode = is_ephemeral ? CreateMode::ephemeral : CreateMode::persistent;
  apply(is_new ? ZkOp::create(path, data, mode) : ZkOp::set(path, data, kAnyVersion), kOtherSession);
  on_changed(path, is_new ? WatchEvent::Type::created : WatchEvent::Type::data_changed);
}

void FakeZooKeeper::others_remove(const std::string& path) {
  ++last_zxid_;
  apply(ZkOp::remove(path, kAnyVersion), kOtherSession);
  on_changed(path, WatchEvent::Type::deleted);
}

// --- session ---

void FakeZooKeeper::expire_session() {
  ++last_zxid_;
  previous_session_id_ = session_id_++;
  data_watches_.clear();
  child_watches_.clear();
  std::erase_if(nodes_,
                [this](const auto& entry) { return entry.second.stat.ephemeral_owner == previous_session_id_; });
  deliver(SessionState::expired);
  reconnect();
}

void FakeZooKeeper::reconnect() {
  is_connected_ = true;
  for (auto waiting : std::exchange(disconnected_, {})) Shard::current()->post([waiting] { waiting.resume(); });
}

}  // namespace gregor::testing
