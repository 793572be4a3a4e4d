#include "broker/controller/topic_admin.h"

#include <algorithm>
#include <set>

#include "broker/config/options.h"
#include "broker/config/topic_config.h"
#include "broker/controller/replica_assignment.h"
#include "broker/types/error_code.h"
#include "broker/types/topic_partition.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"
#include "zk-schema/topics.h"

namespace gregor {
namespace {

namespace paths = zk::paths;

// A topic's assignment must fit into one znode, which ZooKeeper bounds at 1 MiB (jute.maxbuffer).
constexpr int32_t kMaxPartitions = 50'000;
constexpr Duration kGonePoll = std::chrono::milliseconds(500);

Error kafka_error(ErrorCode code, std::string message) { return Error{make_error_code(code), std::move(message)}; }

Error too_many_partitions(int32_t wanted) {
  return kafka_error(ErrorCode::invalid_partitions, "A topic can have at most " + std::to_string(kMaxPartitions) +
                                                        " partitions, not " + std::to_string(wanted) +
                                                        ": ZooKeeper could not hold their assignment.");
}

/// Kafka's metrics know topics by names in which `.` and `_` are the same.
std::string collision_form(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

zk::TopicAssignment znode_of(const std::map<int32_t, std::vector<BrokerId>>& assignment, const Uuid& id) {
  zk::TopicAssignment znode;
  znode.topic_id = id.to_string();
  for (const auto& [index, replicas] : assignment) {
    for (BrokerId replica : replicas) znode.partitions[index].replicas.push_back(replica.value);
  }
  return znode;
}

Result<std::map<int32_t, std::vector<BrokerId>>> numbered(std::vector<std::vector<BrokerId>> rows, int32_t first,
                                                          int32_t wanted) {
  if (static_cast<int32_t>(rows.size()) != wanted) {
    return kafka_error(ErrorCode::invalid_replica_assignment,
                       "Increasing the number of partitions by " + std::to_string(wanted) + " but " +
                           std::to_string(rows.size()) + " assignments provided.");
  }
  std::map<int32_t, std::vector<BrokerId>> assignment;
  for (auto& row : rows) assignment[first++] = std::move(row);
  return assignment;
}

}  // namespace

std::vector<BrokerId> TopicAdmin::live_brokers() const {
  std::vector<BrokerId> ids;
  for (const auto& [id, broker] : metadata_.image().brokers()) ids.push_back(id);
  return ids;
}

Result<void> TopicAdmin::check_assignment(const Assignment& assignment) const {
  std::vector<BrokerId> live = live_brokers();
  int32_t expected = assignment.empty() ? 0 : assignment.begin()->first;
  for (const auto& [index, replicas] : assignment) {
    if (index != expected++) {
      return kafka_error(ErrorCode::invalid_replica_assignment,
                         "Partitions should be a consecutive 0-based integer sequence");
    }
    if (replicas.empty()) {
      return kafka_error(ErrorCode::invalid_replica_assignment,
                         "Cannot have replication factor of 0 for partition id " + std::to_string(index) + ".");
    }
    if (std::set<BrokerId>(replicas.begin(), replicas.end()).size() != replicas.size()) {
      return kafka_error(
          ErrorCode::invalid_replica_assignment,
          "Duplicate brokers not allowed in replica assignment for partition id " + std::to_string(index) + ".");
    }
    for (BrokerId replica : replicas) {
      if (std::find(live.begin(), live.end(), replica) == live.end()) {
        return kafka_error(ErrorCode::invalid_replica_assignment,
                           "Unknown broker " + std::to_string(replica.value) +
                               " in the replica assignment of partition id " + std::to_string(index) + ".");
      }
    }
    if (replicas.size() > 1) {
      return kafka_error(ErrorCode::invalid_replication_factor,
                         "This version does not replicate yet: a partition can have one replica.");
    }
  }
  return {};
}

Result<TopicAdmin::Assignment> TopicAdmin::assign(const NewTopic& topic) {
  if (!topic.assignment.empty()) {
    if (topic.partitions != -1 || topic.replication_factor != -1) {
      return kafka_error(ErrorCode::invalid_request,
                         "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be "
                         "used at the same time.");
    }
    if (topic.assignment.begin()->first != 0) {
      return kafka_error(ErrorCode::invalid_replica_assignment,
                         "Partitions should be a consecutive 0-based integer sequence");
    }
    auto checked = check_assignment(topic.assignment);
    if (!checked) return checked.error();
    return topic.assignment;
  }
  int32_t partitions = topic.partitions == -1 ? config_.get().get(options::num_partitions) : topic.partitions;
  int32_t factor = topic.replication_factor == -1 ? config_.get().get(options::default_replication_factor)
                                                  : topic.replication_factor;
  if (partitions <= 0)
    return kafka_error(ErrorCode::invalid_partitions, "Number of partitions must be larger than 0.");
  if (partitions > kMaxPartitions) return too_many_partitions(partitions);
  if (factor <= 0)
    return kafka_error(ErrorCode::invalid_replication_factor, "Replication factor must be larger than 0.");
  std::vector<BrokerId> brokers = live_brokers();
  if (brokers.empty())
    return kafka_error(ErrorCode::invalid_replication_factor,
                       "Replication factor: " + std::to_string(factor) + " larger than available brokers: 0.");
  auto assignment = assign_replicas(brokers, partitions, factor, random_.number() % brokers.size(),
                                    random_.number() % brokers.size(), 0);
  if (!assignment) return assignment;
  auto checked = check_assignment(*assignment);
  if (!checked) return checked.error();
  return assignment;
}

Task<Result<CreatedTopic>> TopicAdmin::create(NewTopic topic, bool validate_only) {
  if (std::string problem = topic_name_problem(topic.name); !problem.empty()) {
    co_return kafka_error(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + problem);
  }
  if (metadata_.image().topic(topic.name) != nullptr) {
    co_return kafka_error(ErrorCode::topic_already_exists, "Topic '" + topic.name + "' already exists.");
  }
  for (const auto& [other, image] : metadata_.image().topics()) {
    if (collision_form(other) != collision_form(topic.name)) continue;
    co_return kafka_error(ErrorCode::invalid_topic_exception,
                          "Topic '" + topic.name + "' collides with existing topic: " + other);
  }
  Properties overrides(topic.configs.begin(), topic.configs.end());
  auto valid = TopicConfig::validate(config_.get(), overrides);
  if (!valid) co_return valid.error();
  auto assignment = assign(topic);
  if (!assignment) co_return assignment.error();
  CreatedTopic created;
  created.partitions = static_cast<int32_t>(assignment->size());
  created.replication_factor = static_cast<int32_t>(assignment->begin()->second.size());
  if (validate_only) {
    Result<std::optional<ZkStat>> there = co_await zookeeper_.exists(paths::topic(topic.name), Watch::no);
    if (!there) co_return there.error();
    if (*there)
      co_return kafka_error(ErrorCode::topic_already_exists, "Topic '" + topic.name + "' already exists.");
    co_return created;
  }
  created.id = Uuid::from_random(random_.sixteen_bytes());
  Result<void> written =
      co_await write_new_topic(topic.name, created.id, std::move(*assignment), std::move(topic.configs));
  if (!written) co_return written.error();
  co_return created;
}

Task<Result<void>> TopicAdmin::write_new_topic(std::string name, Uuid id, Assignment assignment,
                                               std::map<std::string, std::string> configs) {
  zk::EntityConfig config;
  config.config = std::move(configs);
  std::string config_path = paths::config("topics", name);
  std::string config_text = config.encode();
  std::string topic_text = znode_of(assignment, id).encode();
  std::vector<ZkOp> ops;
  ops.push_back(ZkOp::create(config_path, config_text));
  ops.push_back(ZkOp::create(paths::topic(name), topic_text));
  ZkMultiResult done = co_await zookeeper_.multi(std::move(ops));
  if (!done && done.failed_op == 0 && done.error().is(ZkCode::node_exists)) {
    // Left behind by a topic of that name; or there is one, which the second operation finds.
    std::vector<ZkOp> again;
    again.push_back(ZkOp::create(paths::topic(name), topic_text));
    again.push_back(ZkOp::set(config_path, config_text, kAnyVersion));
    done = co_await zookeeper_.multi(std::move(again));
  }
  if (done) co_return Result<void>();
  if (done.error().is(ZkCode::node_exists)) {
    // A write whose answer was lost is made again, and fails on itself.
    Result<ZkNode> there = co_await zookeeper_.get(paths::topic(name), Watch::no);
    if (there && there->data == topic_text) co_return Result<void>();
    co_return kafka_error(ErrorCode::topic_already_exists, "Topic '" + name + "' already exists.");
  }
  co_return done.error();
}

Task<Result<void>> TopicAdmin::request_deletion(std::string name) {
  if (metadata_.image().topic(name) == nullptr) {
    co_return kafka_error(ErrorCode::unknown_topic_or_partition, "This server does not host this topic-partition.");
  }
  Result<ZkCreated> wish = co_await zookeeper_.create(paths::delete_topic(name), "", CreateMode::persistent);
  if (!wish && !wish.error().is(ZkCode::node_exists)) co_return wish.error();
  co_return Result<void>();
}

Task<bool> TopicAdmin::wait_until_deleted(std::string name, Uuid id, Instant deadline, std::stop_token gone) {
  std::string path = paths::topic(name);
  const Clock& clock = Shard::current()->clock();
  while (!gone.stop_requested()) {
    Result<ZkNode> node = co_await zookeeper_.get(path, Watch::yes);
    if (!node) co_return node.error().is(ZkCode::no_node);
    auto assignment = zk::TopicAssignment::decode(node->data);
    if (assignment && assignment->topic_id != id.to_string()) co_return true;  // made again already
    bool changed = co_await zookeeper_.next_event(path, std::min(deadline, clock.now() + kGonePoll));
    if (!changed && clock.now() >= deadline) co_return false;
  }
  co_return false;
}

Task<Result<void>> TopicAdmin::add_partitions(std::string name, int32_t count,
                                              std::vector<std::vector<BrokerId>> rows, bool validate_only) {
  Result<ZkNode> node = co_await zookeeper_.get(paths::topic(name), Watch::no);
  if (!node && node.error().is(ZkCode::no_node)) {
    co_return kafka_error(ErrorCode::unknown_topic_or_partition, "The topic '" + name + "' does not exist.");
  }
  if (!node) co_return node.error();
  auto topic = zk::TopicAssignment::decode(node->data);
  if (!topic) co_return topic.error();
  if (topic->partitions.empty() || topic->partitions.begin()->first != 0) {
    co_return kafka_error(ErrorCode::invalid_partitions,
                          "The topic '" + name + "' has no partition 0 in its assignment.");
  }
  auto present = static_cast<int32_t>(topic->partitions.size());
  for (const auto& [index, partition] : topic->partitions) {
    if (!partition.is_being_reassigned()) continue;
    co_return kafka_error(ErrorCode::reassignment_in_progress,
                          "A partition reassignment is in progress for the topic '" + name + "'.");
  }
  if (count <= present) {
    std::string relation = count == present ? "Topic already has " + std::to_string(present) + " partitions."
                                            : "Topic currently has " + std::to_string(present) +
                                                  " partitions, which is higher than the requested " +
                                                  std::to_string(count) + ".";
    co_return kafka_error(ErrorCode::invalid_partitions, std::move(relation));
  }
  if (count > kMaxPartitions) co_return too_many_partitions(count);
  int32_t added = count - present;
  Result<Assignment> assignment{Assignment()};
  if (rows.empty()) {
    int32_t factor = static_cast<int32_t>(topic->partitions.at(0).replicas.size());
    std::vector<BrokerId> brokers = live_brokers();
    size_t start = random_.number() % std::max<size_t>(brokers.size(), 1);
    assignment = assign_replicas(brokers, added, factor, start, 0, present);
  } else {
    assignment = numbered(std::move(rows), present, added);
  }
  if (!assignment) co_return assignment.error();
  auto checked = check_assignment(*assignment);
  if (!checked || validate_only) co_return checked;
  for (const auto& [index, replicas] : *assignment) {
    for (BrokerId replica : replicas) topic->partitions[index].replicas.push_back(replica.value);
  }
  std::string text = topic->encode();
  Result<ZkStat> set = co_await zookeeper_.set(paths::topic(name), text, node->stat.version);
  if (set) co_return Result<void>();
  // A write whose answer was lost is made again, and fails on itself.
  bool may_be_ours = set.error().is(ZkCode::bad_version);
  if (!may_be_ours) co_return set.error();
  node = co_await zookeeper_.get(paths::topic(name), Watch::no);
  if (node && node->data == text) co_return Result<void>();
  co_return set.error();
}

}  // namespace gregor
