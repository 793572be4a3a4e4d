#include "broker/controller/controller_store.h"

#include <charconv>

#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/brokers.h"
#include "zk-schema/features.h"
#include "zk-schema/paths.h"
#include "zk-schema/topics.h"

namespace gregor {
namespace {

namespace paths = zk::paths;

// A multi must stay below ZooKeeper's jute.maxbuffer of 1 MiB.
constexpr size_t kStatesPerMulti = 250;

Error not_controller_any_more() {
  return Error{make_error_code(ErrorCode::not_controller), "another broker became the controller"};
}

std::vector<BrokerId> brokers(const std::vector<int32_t>& raw) {
  std::vector<BrokerId> ids;
  for (int32_t id : raw) ids.emplace_back(id);
  return ids;
}

std::vector<int32_t> raw(const std::vector<BrokerId>& ids) {
  std::vector<int32_t> numbers;
  for (BrokerId id : ids) numbers.push_back(id.value);
  return numbers;
}

int16_t security_protocol_number(const std::string& name) {
  constexpr const char* kNames[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<int16_t>(i);
  }
  return 0;
}

LiveBroker live_broker(const zk::BrokerRegistration& registration, int64_t czxid) {
  LiveBroker broker;
  broker.epoch = BrokerEpoch(czxid);
  broker.image.id = BrokerId(registration.id);
  broker.image.rack = registration.rack;
  for (const auto& endpoint : registration.endpoints) {
    broker.image.endpoints.push_back(
        {endpoint.listener, endpoint.host, endpoint.port, security_protocol_number(endpoint.security_protocol)});
  }
  return broker;
}

TopicAssignmentState topic_state(const zk::TopicAssignment& assignment) {
  TopicAssignmentState topic;
  if (assignment.topic_id) topic.id = Uuid::parse(*assignment.topic_id).value_or(Uuid{});
  for (const auto& [index, replicas] : assignment.partitions) {
    topic.partitions[index].replicas = brokers(replicas.replicas);
  }
  return topic;
}

std::string encode(const LeaderAndIsr& state) {
  zk::PartitionState znode;
  znode.leader = state.leader.value;
  znode.leader_epoch = state.leader_epoch.value;
  znode.controller_epoch = state.controller_epoch.value;
  znode.isr = raw(state.in_sync);
  return znode.encode();
}

LeaderAndIsr decode(const zk::PartitionState& znode, int32_t version) {
  return {BrokerId(znode.leader), LeaderEpoch(znode.leader_epoch), ControllerEpoch(znode.controller_epoch),
          brokers(znode.isr), version};
}

std::vector<ZkOp> ops_of(const StateChange& change) {
  const auto& [topic, index] = change.partition;
  std::string path = paths::partition_state(topic, index);
  std::vector<ZkOp> ops;
  if (change.is_new) {
    ops.push_back(ZkOp::create(paths::partition(topic, index), ""));
    ops.push_back(ZkOp::create(path, encode(change.next)));
  } else {
    ops.push_back(ZkOp::set(path, encode(change.next), change.next.znode_version));
  }
  return ops;
}

int32_t version_after(const StateChange& change) { return change.is_new ? 0 : change.next.znode_version + 1; }

StateChange written(StateChange change, int32_t version) {
  change.next.znode_version = version;
  return change;
}

/// Whether nothing more can be done in this term or this session.
bool is_final(const Error& error) {
  return error.is(ErrorCode::not_controller) || error.is(ZkCode::session_expired) || error.is(ZkCode::closed);
}

}  // namespace

Task<Result<std::map<BrokerId, LiveBroker>>> ControllerStore::live_brokers() {
  Result<ZkChildren> ids = co_await zookeeper_.children(paths::kBrokerIds, Watch::yes);
  if (!ids) co_return ids.error();
  std::vector<std::string> broker_paths;
  for (const auto& name : ids->names) broker_paths.push_back(std::string(paths::kBrokerIds) + "/" + name);
  std::vector<Result<ZkNode>> nodes = co_await zookeeper_.get_all(broker_paths, Watch::yes);
  std::map<BrokerId, LiveBroker> live;
  for (size_t i = 0; i < nodes.size(); ++i) {
    int32_t id = 0;
    std::from_chars(ids->names[i].data(), ids->names[i].data() + ids->names[i].size(), id);
    if (!nodes[i] && nodes[i].error().is(ZkCode::no_node)) continue;
    if (!nodes[i]) co_return nodes[i].error();
    auto registration = zk::BrokerRegistration::decode(id, nodes[i]->data);
    if (!registration) {
      log::error("could not understand a broker's registration path={} reason=\"{}\"", broker_paths[i],
                 registration.error().message);
      continue;
    }
    live.emplace(BrokerId(id), live_broker(*registration, nodes[i]->stat.czxid));
  }
  co_return live;
}

Task<Result<std::vector<std::string>>> ControllerStore::topic_names() {
  Result<ZkChildren> topics = co_await zookeeper_.children(paths::kTopics, Watch::yes);
  if (!topics) co_return topics.error();
  co_return std::move(topics->names);
}

Task<Result<std::vector<std::string>>> ControllerStore::deletions() {
  Result<ZkChildren> wishes = co_await zookeeper_.children(paths::kDeleteTopics, Watch::yes);
  if (!wishes) co_return wishes.error();
  co_return std::move(wishes->names);
}

Task<Result<ControllerStore::Topics>> ControllerStore::topics(ControllerTerm term, std::vector<std::string> names) {
  auto topics = co_await assignments(term, names);
  if (!topics) co_return topics.error();
  Result<void> done = co_await read_states(*topics, std::move(names));
  if (!done) co_return done.error();
  co_return topics;
}

/// The states of a new topic's partitions are not there yet, unless an earlier controller has begun.
Task<Result<ControllerStore::Topics>> ControllerStore::made_topics(ControllerTerm term,
                                                                   std::vector<std::string> names) {
  auto topics = co_await assignments(term, names);
  if (!topics) co_return topics.error();
  std::vector<std::string> parents;
  for (const auto& name : names) parents.push_back(paths::partitions(name));
  auto found = co_await zookeeper_.exists_all(std::move(parents), Watch::no);
  std::vector<std::string> begun;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) co_return found[i].error();
    if (*found[i]) begun.push_back(names[i]);
  }
  Result<void> done = co_await read_states(*topics, std::move(begun));
  if (!done) co_return done.error();
  co_return topics;
}

Task<Result<ControllerStore::Topics>> ControllerStore::assignments(ControllerTerm term,
                                                                   std::vector<std::string> names) {
  std::vector<std::string> topic_paths;
  for (const auto& name : names) topic_paths.push_back(paths::topic(name));
  std::vector<Result<ZkNode>> nodes = co_await zookeeper_.get_all(std::move(topic_paths), Watch::yes);
  Topics topics;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!nodes[i] && nodes[i].error().is(ZkCode::no_node)) continue;
    if (!nodes[i]) co_return nodes[i].error();
    auto assignment = zk::TopicAssignment::decode(nodes[i]->data);
    if (!assignment) {
      log::error("could not understand a topic's assignment topic={} reason=\"{}\"", names[i],
                 assignment.error().message);
      continue;
    }
    topics.emplace(names[i], topic_state(*assignment));
  }
  Result<void> done = co_await add_missing_ids(term, std::move(names), std::move(nodes), topics);
  if (!done) co_return done.error();
  co_return topics;
}

Task<Result<void>> ControllerStore::add_missing_ids(ControllerTerm term, std::vector<std::string> names,
                                                    std::vector<Result<ZkNode>> nodes, Topics& topics) {
  for (size_t i = 0; i < names.size(); ++i) {
    auto topic = topics.find(names[i]);
    if (topic == topics.end() || !topic->second.id.is_zero()) continue;
    topic->second.id = Uuid::from_random(random_.sixteen_bytes());
    auto assignment = zk::TopicAssignment::decode(nodes[i]->data);
    assignment->topic_id = topic->second.id.to_string();
    std::string text = assignment->encode();
    std::vector<ZkOp> ops;
    ops.push_back(ZkOp::set(paths::topic(names[i]), std::move(text), nodes[i]->stat.version));
    ZkMultiResult set = co_await zookeeper_.multi(fenced(term, std::move(ops)));
    if (is_fenced_off(set)) co_return not_controller_any_more();
    if (!set) co_return set.error();
  }
  co_return Result<void>();
}

Task<Result<void>> ControllerStore::read_states(Topics& topics, std::vector<std::string> names) {
  std::vector<std::string> state_paths;
  std::vector<PartitionAssignment*> partitions;
  for (const auto& name : names) {
    auto topic = topics.find(name);
    if (topic == topics.end()) continue;
    for (auto& [index, partition] : topic->second.partitions) {
      state_paths.push_back(paths::partition_state(name, index));
      partitions.push_back(&partition);
    }
  }
  std::vector<Result<ZkNode>> nodes = co_await zookeeper_.get_all(state_paths, Watch::no);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i] && nodes[i].error().is(ZkCode::no_node)) continue;
    if (!nodes[i]) co_return nodes[i].error();
    auto state = zk::PartitionState::decode(nodes[i]->data);
    if (!state) {
      log::error("could not understand a partition's state path={} reason=\"{}\"", state_paths[i],
                 state.error().message);
      continue;
    }
    partitions[i]->state = decode(*state, nodes[i]->stat.version);
  }
  co_return Result<void>();
}

Task<Result<std::vector<StateChange>>> ControllerStore::write_states(ControllerTerm term,
                                                                     std::vector<StateChange> changes) {
  Result<void> parents = co_await ensure_partition_parents(term, changes);
  if (!parents) co_return parents.error();
  std::vector<std::vector<StateChange>> chunks;
  for (auto& change : changes) {
    if (chunks.empty() || chunks.back().size() == kStatesPerMulti) chunks.emplace_back();
    chunks.back().push_back(std::move(change));
  }
  std::vector<std::vector<ZkOp>> multis;
  for (const auto& chunk : chunks) {
    std::vector<ZkOp> ops;
    for (const auto& change : chunk) {
      for (auto& op : ops_of(change)) ops.push_back(std::move(op));
    }
    multis.push_back(fenced(term, std::move(ops)));
  }
  std::vector<ZkMultiResult> outcomes = co_await zookeeper_.multi_all(std::move(multis));
  std::vector<StateChange> done;
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (is_fenced_off(outcomes[i])) co_return not_controller_any_more();
    if (outcomes[i]) {
      for (auto& change : chunks[i]) {
        int32_t version = version_after(change);
        done.push_back(written(std::move(change), version));
      }
      continue;
    }
    if (is_final(outcomes[i].error())) co_return outcomes[i].error();
    // One of them stands in the way of all: each for itself.
    std::vector<Result<int32_t>> singles = co_await write_each(term, chunks[i]);
    for (size_t j = 0; j < singles.size(); ++j) {
      if (singles[j]) {
        done.push_back(written(std::move(chunks[i][j]), *singles[j]));
      } else if (is_final(singles[j].error())) {
        co_return singles[j].error();
      } else {
        log::warn("could not write a partition's state partition={} reason=\"{}\"",
                  chunks[i][j].partition.to_string(), singles[j].error().message);
      }
    }
  }
  co_return done;
}

Task<Result<void>> ControllerStore::ensure_partition_parents(ControllerTerm term,
                                                             std::vector<StateChange> changes) {
  std::vector<Task<Result<void>>> creations;
  std::string last_topic;
  for (const auto& change : changes) {
    if (!change.is_new || change.partition.topic == last_topic) continue;
    last_topic = change.partition.topic;
    creations.push_back(fenced_op(term, ZkOp::create(paths::partitions(last_topic), "")));
  }
  std::vector<Result<void>> outcomes = co_await when_all(std::move(creations));
  for (const auto& outcome : outcomes) {
    if (!outcome) co_return outcome.error();
  }
  co_return Result<void>();
}

Task<std::vector<Result<int32_t>>> ControllerStore::write_each(ControllerTerm term,
                                                               std::vector<StateChange> changes) {
  std::vector<Result<int32_t>> outcomes;
  for (const auto& change : changes) {
    std::vector<ZkOp> ops = ops_of(change);
    if (change.is_new) {
      // An earlier controller may have got as far as the parent.
      Result<void> parent = co_await fenced_op(term, std::move(ops[0]));
      if (!parent) {
        outcomes.push_back(parent.error());
        continue;
      }
      ops.erase(ops.begin());
    }
    ZkMultiResult done = co_await zookeeper_.multi(fenced(term, std::move(ops)));
    if (is_fenced_off(done)) {
      outcomes.push_back(not_controller_any_more());
    } else if (done) {
      outcomes.push_back(version_after(change));
    } else {
      Result<int32_t> version = co_await version_if_written(change, done.error());
      outcomes.push_back(std::move(version));
    }
  }
  co_return outcomes;
}

Task<Result<int32_t>> ControllerStore::version_if_written(StateChange change, Error error) {
  bool may_be_ours = error.is(ZkCode::node_exists) || error.is(ZkCode::bad_version);
  if (!may_be_ours) co_return error;
  Result<ZkNode> node = co_await zookeeper_.get(
      paths::partition_state(change.partition.topic, change.partition.partition), Watch::no);
  if (!node) co_return error;
  auto znode = zk::PartitionState::decode(node->data);
  if (!znode) co_return error;
  change.next.znode_version = node->stat.version;
  if (decode(*znode, node->stat.version) != change.next) co_return error;
  co_return node->stat.version;
}

Task<Result<void>> ControllerStore::fenced_op(ControllerTerm term, ZkOp op) {
  std::vector<ZkOp> ops;
  ops.push_back(std::move(op));
  ZkMultiResult done = co_await zookeeper_.multi(fenced(term, std::move(ops)));
  if (is_fenced_off(done)) co_return not_controller_any_more();
  if (!done && !done.error().is(ZkCode::node_exists) && !done.error().is(ZkCode::no_node)) co_return done.error();
  co_return Result<void>();
}

Task<Result<void>> ControllerStore::delete_topic(ControllerTerm term, std::string name) {
  Result<ZkChildren> partitions = co_await zookeeper_.children(paths::partitions(name), Watch::no);
  if (!partitions && !partitions.error().is(ZkCode::no_node)) co_return partitions.error();
  if (partitions) {
    for (const char* below : {"/state", ""}) {
      std::vector<Task<Result<void>>> removals;
      for (const auto& index : partitions->names) {
        std::string path = paths::partitions(name) + "/" + index + below;
        removals.push_back(fenced_op(term, ZkOp::remove(std::move(path), kAnyVersion)));
      }
      std::vector<Result<void>> outcomes = co_await when_all(std::move(removals));
      for (const auto& outcome : outcomes) {
        if (!outcome) co_return outcome.error();
      }
    }
  }
  std::vector<std::string> last{paths::partitions(name), paths::config("topics", name)};
  for (const auto& path : last) {
    Result<void> removed = co_await fenced_op(term, ZkOp::remove(path, kAnyVersion));
    if (!removed) co_return removed.error();
  }
  // Together: once the topic is gone another of its name may be made, which the wish must not meet.
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::remove(paths::topic(name), kAnyVersion));
  ops.push_back(ZkOp::remove(paths::delete_topic(name), kAnyVersion));
  ZkMultiResult gone = co_await zookeeper_.multi(fenced(term, std::move(ops)));
  if (gone) co_return Result<void>();
  if (is_fenced_off(gone)) co_return not_controller_any_more();
  if (!gone.error().is(ZkCode::no_node)) co_return gone.error();
  bool is_topic_there = gone.failed_op == 2;
  std::string left = is_topic_there ? paths::topic(name) : paths::delete_topic(name);
  Result<void> removed = co_await fenced_op(term, ZkOp::remove(std::move(left), kAnyVersion));
  co_return removed;
}

Task<Result<void>> ControllerStore::drop_deletion(ControllerTerm term, std::string name) {
  Result<void> dropped = co_await fenced_op(term, ZkOp::remove(paths::delete_topic(name), kAnyVersion));
  co_return dropped;
}

Task<Result<void>> ControllerStore::ensure_features() {
  zk::FinalizedFeatures features;
  std::string text = features.encode();
  Result<ZkCreated> created = co_await zookeeper_.create(paths::kFeature, std::move(text), CreateMode::persistent);
  if (!created && !created.error().is(ZkCode::node_exists)) co_return created.error();
  co_return Result<void>();
}

}  // namespace gregor
