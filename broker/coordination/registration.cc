#include "broker/coordination/registration.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "runtime/logging.h"
#include "zk-schema/cluster.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

/// `paths` and all that is above them, parents before children.
std::vector<std::string> with_parents(const std::vector<std::string>& paths) {
  std::set<std::string> all;
  for (const std::string& path : paths) {
    for (std::string up = path; up != "/"; up = zk::paths::parent(up)) all.insert(up);
  }
  return {all.begin(), all.end()};
}

/// Creates those of `paths` that are missing; parents come before children. Looks first, since a create that fails
/// is still a write for the whole ensemble.
Task<Result<void>> create_missing(ZooKeeper& zookeeper, std::vector<std::string> paths) {
  auto there = co_await zookeeper.exists_all(paths, Watch::no);
  std::vector<Task<Result<ZkCreated>>> creates;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (!there[i]) co_return there[i].error();
    if (!*there[i]) creates.push_back(zookeeper.create(paths[i], {}, CreateMode::persistent));
  }
  auto created = co_await when_all(std::move(creates));
  for (const auto& one : created) {
    if (!one && !one.error().is(ZkCode::node_exists)) co_return one.error();
  }
  co_return Result<void>();
}

std::string addresses(const zk::BrokerRegistration& broker) {
  std::string text;
  for (const zk::Endpoint& endpoint : broker.endpoints) {
    text += (text.empty() ? "" : ",") + endpoint.connection_string();
  }
  return text;
}

bool share_an_address(const zk::BrokerRegistration& a, const zk::BrokerRegistration& b) {
  for (const zk::Endpoint& endpoint : a.endpoints) {
    auto same = [&](const zk::Endpoint& other) {
      return other.host == endpoint.host && other.port == endpoint.port;
    };
    if (std::any_of(b.endpoints.begin(), b.endpoints.end(), same)) return true;
  }
  return false;
}

Error taken(const std::string& path, const zk::BrokerRegistration& by) {
  return Error{make_error_code(ZkCode::node_exists),
               fmt::format("broker id {} is already registered at {} by a broker that is alive at {}", by.id, path,
                           addresses(by))};
}

/// Registers one broker, dealing with whatever else may stand in its place.
class Registrar {
 public:
  Registrar(ZooKeeper& zookeeper, const Clock& clock, zk::BrokerRegistration broker, RegistrationOptions options)
      : zookeeper_(zookeeper),
        clock_(clock),
        broker_(std::move(broker)),
        options_(options),
        path_(zk::paths::broker(broker_.id)) {}

  Task<Result<BrokerEpoch>> run() {
    while (true) {
      Result<BrokerEpoch> created = co_await create();
      if (created || !created.error().is(ZkCode::node_exists)) co_return created;
      Result<std::optional<BrokerEpoch>> ours = co_await resolve_conflict();
      if (!ours) co_return ours.error();
      if (*ours) co_return **ours;
    }
  }

 private:
  Task<Result<BrokerEpoch>> create() {
    std::vector<ZkOp> ops;
    ops.push_back(ZkOp::create(path_, {}, CreateMode::ephemeral));
    ops.push_back(ZkOp::set(path_, broker_.encode(), 0));
    ZkMultiResult done = co_await zookeeper_.multi(std::move(ops));
    if (!done) co_return done.error();
    co_return BrokerEpoch((*done)[1].stat.czxid);
  }

  /// Yields the epoch when the node turns out to be ours, none when it is worth trying again, and an error when the
  /// id belongs to another broker.
  Task<Result<std::optional<BrokerEpoch>>> resolve_conflict() {
    Result<ZkNode> node = co_await zookeeper_.get(path_, Watch::no);
    if (!node && node.error().is(ZkCode::no_node)) co_return std::optional<BrokerEpoch>();
    if (!node) co_return node.error();
    int64_t owner = node->stat.ephemeral_owner;
    if (owner != 0 && owner == zookeeper_.session_id()) {
      co_return std::optional<BrokerEpoch>(BrokerEpoch(node->stat.czxid));
    }
    if (owner != 0 && owner == zookeeper_.previous_session_id()) {
      // ZOOKEEPER-2985: the node may outlive the session that we were told had expired.
      Result<void> removed = co_await zookeeper_.remove(path_, node->stat.version);
      if (!removed && !removed.error().is(ZkCode::no_node)) co_return removed.error();
      co_return std::optional<BrokerEpoch>();
    }
    Result<void> gone = co_await wait_for_predecessor(std::move(*node));
    if (!gone) co_return gone.error();
    co_return std::optional<BrokerEpoch>();
  }

  // Stale or alive? A znode does not say. But we hold our ports already, and nothing else can listen where we do: a
  // broker with one of our addresses must be our own predecessor, which was killed and whose session nobody has
  // missed yet. That session ends within its timeout, which we do not know. If it does not, something keeps it
  // alive after all (the same address advertised from another machine or network), and then the id is taken. We do
  // not remove the node ourselves: were that guess wrong, two brokers would serve under one id.
  Task<Result<void>> wait_for_predecessor(ZkNode node) {
    auto other = zk::BrokerRegistration::decode(broker_.id, node.data);
    if (!other) co_return other.error();
    if (!share_an_address(*other, broker_)) co_return taken(path_, *other);
    Instant began = clock_.now();
    if (deadline_ == Instant()) {
      deadline_ = began + options_.longest_session + options_.margin;
      log::info("waiting for the session of our killed predecessor to end path={} session=0x{:x} at_most={}ms",
                path_, node.stat.ephemeral_owner, to_ms(deadline_ - began));
    }
    while (clock_.now() < deadline_) {
      Result<std::optional<ZkStat>> there = co_await zookeeper_.exists(path_, Watch::yes);
      if (!there) co_return there.error();
      if (!*there || (*there)->czxid != node.stat.czxid) {
        log::info("our predecessor's session ended path={} waited={}ms", path_, to_ms(clock_.now() - began));
        co_return Result<void>();
      }
      co_await zookeeper_.next_event(path_, deadline_);
    }
    co_return taken(path_, *other);
  }

  static int64_t to_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }

  ZooKeeper& zookeeper_;
  const Clock& clock_;
  const zk::BrokerRegistration broker_;
  const RegistrationOptions options_;
  const std::string path_;
  Instant deadline_;
};

}  // namespace

Task<Result<void>> ensure_persistent_paths(ZooKeeper& zookeeper) {
  Result<void> created = co_await create_missing(zookeeper, with_parents(zk::paths::persistent()));
  co_return created;
}

Task<Result<void>> ensure_path(ZooKeeper& zookeeper, std::string path) {
  std::vector<std::string> paths(1, std::move(path));
  Result<void> created = co_await create_missing(zookeeper, with_parents(paths));
  co_return created;
}

Task<Result<std::string>> cluster_id(ZooKeeper& zookeeper, std::string proposed) {
  while (true) {
    Result<ZkNode> node = co_await zookeeper.get(zk::paths::kClusterId, Watch::no);
    if (node) {
      auto there = zk::ClusterId::decode(node->data);
      if (!there) co_return there.error();
      co_return there->id;
    }
    if (!node.error().is(ZkCode::no_node)) co_return node.error();
    Result<void> parent = co_await ensure_path(zookeeper, zk::paths::kCluster);
    if (!parent) co_return parent.error();
    zk::ClusterId ours{proposed};
    Result<ZkCreated> created =
        co_await zookeeper.create(zk::paths::kClusterId, ours.encode(), CreateMode::persistent);
    if (created) co_return proposed;
    if (!created.error().is(ZkCode::node_exists)) co_return created.error();
  }
}

Task<Result<BrokerId>> generate_broker_id(ZooKeeper& zookeeper, int32_t reserved_max_id) {
  while (true) {
    // Every write raises the version: that is the counter.
    Result<ZkStat> counted = co_await zookeeper.set(zk::paths::kBrokerSequenceId, {}, kAnyVersion);
    if (counted) co_return BrokerId(reserved_max_id + counted->version);
    if (!counted.error().is(ZkCode::no_node)) co_return counted.error();
    Result<void> created = co_await ensure_path(zookeeper, zk::paths::kBrokerSequenceId);
    if (!created) co_return created.error();
  }
}

Task<Result<BrokerEpoch>> register_broker(ZooKeeper& zookeeper, const Clock& clock, zk::BrokerRegistration broker,
                                          RegistrationOptions options) {
  Registrar registrar(zookeeper, clock, std::move(broker), options);
  Result<BrokerEpoch> epoch = co_await registrar.run();
  co_return epoch;
}

}  // namespace gregor
