#include "broker/coordination/election.h"

#include "runtime/logging.h"
#include "zk-schema/controller.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

/// The last term that began, whoever's.
Task<Result<ControllerTerm>> read_term(ZooKeeper& zookeeper) {
  while (true) {
    Result<ZkNode> node = co_await zookeeper.get(zk::paths::kControllerEpoch, Watch::no);
    if (node) {
      auto epoch = zk::decode_controller_epoch(node->data);
      if (!epoch) co_return epoch.error();
      co_return ControllerTerm{ControllerEpoch(*epoch), node->stat.version};
    }
    if (!node.error().is(ZkCode::no_node)) co_return node.error();
    Result<ZkCreated> created = co_await zookeeper.create(zk::paths::kControllerEpoch,
                                                          zk::encode_controller_epoch(0), CreateMode::persistent);
    if (!created && !created.error().is(ZkCode::node_exists)) co_return created.error();
  }
}

/// Takes the office and begins the term after `last`, both or neither.
Task<Result<ControllerTerm>> begin_term(ZooKeeper& zookeeper, BrokerId self, int64_t wall_ms, ControllerTerm last) {
  ControllerEpoch epoch(last.epoch.value + 1);
  zk::ControllerInfo controller{self.value, wall_ms};
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::create(zk::paths::kController, controller.encode(), CreateMode::ephemeral));
  ops.push_back(
      ZkOp::set(zk::paths::kControllerEpoch, zk::encode_controller_epoch(epoch.value), last.epoch_version));
  ZkMultiResult done = co_await zookeeper.multi(std::move(ops));
  if (!done) co_return done.error();
  co_return ControllerTerm{epoch, (*done)[1].stat.version};
}

/// Whether the office is held by the session that asks: then a write was done whose answer was lost.
Task<Result<bool>> holds_office(ZooKeeper& zookeeper) {
  Result<std::optional<ZkStat>> there = co_await zookeeper.exists(zk::paths::kController, Watch::no);
  if (!there) co_return there.error();
  co_return *there && (*there)->ephemeral_owner == zookeeper.session_id();
}

}  // namespace

Task<Result<ElectionOutcome>> elect_controller(ZooKeeper& zookeeper, BrokerId self, int64_t wall_ms) {
  while (true) {
    Result<BrokerId> controller = co_await read_controller(zookeeper, Watch::no);
    if (!controller) co_return controller.error();
    if (*controller != kNoBroker) co_return ElectionOutcome{*controller, std::nullopt};
    Result<ControllerTerm> last = co_await read_term(zookeeper);
    if (!last) co_return last.error();
    Result<ControllerTerm> term = co_await begin_term(zookeeper, self, wall_ms, *last);
    if (!term && !term.error().is(ZkCode::node_exists) && !term.error().is(ZkCode::bad_version))
      co_return term.error();
    if (!term) {
      Result<bool> ours = co_await holds_office(zookeeper);
      if (!ours) co_return ours.error();
      if (!*ours) continue;
      term = co_await read_term(zookeeper);
      if (!term) co_return term.error();
    }
    log::info("elected controller broker={} epoch={}", self.value, term->epoch.value);
    co_return ElectionOutcome{self, *term};
  }
}

Task<Result<BrokerId>> read_controller(ZooKeeper& zookeeper, Watch watch) {
  // exists() sets the watch whether or not there is a controller; get() would only when there is.
  if (watch == Watch::yes) {
    Result<std::optional<ZkStat>> there = co_await zookeeper.exists(zk::paths::kController, Watch::yes);
    if (!there) co_return there.error();
  }
  Result<ZkNode> node = co_await zookeeper.get(zk::paths::kController, Watch::no);
  if (!node && node.error().is(ZkCode::no_node)) co_return kNoBroker;
  if (!node) co_return node.error();
  auto info = zk::ControllerInfo::decode(node->data);
  if (!info) co_return info.error();
  co_return BrokerId(info->broker_id);
}

Task<Result<void>> resign(ZooKeeper& zookeeper, ControllerTerm term) {
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::remove(zk::paths::kController, kAnyVersion));
  ZkMultiResult done = co_await zookeeper.multi(fenced(term, std::move(ops)));
  if (!done && !(done.error().is(ZkCode::no_node) && done.failed_op == 1)) co_return done.error();
  co_return Result<void>();
}

std::vector<ZkOp> fenced(ControllerTerm term, std::vector<ZkOp> ops) {
  ops.insert(ops.begin(), ZkOp::check(zk::paths::kControllerEpoch, term.epoch_version));
  return ops;
}

bool is_fenced_off(const ZkMultiResult& result) {
  return !result && result.failed_op == 0 && result.error().is(ZkCode::bad_version);
}

}  // namespace gregor
