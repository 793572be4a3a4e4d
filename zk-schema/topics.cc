#include "zk-schema/topics.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "topics.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {
namespace {

using ReplicaMap = google::protobuf::Map<int32_t, google::protobuf::ListValue>;

void write_replicas(const std::vector<int32_t>& replicas, google::protobuf::ListValue& list) {
  for (int32_t replica : replicas) list.add_values()->set_number_value(replica);
}

std::optional<int32_t> read_replica(const google::protobuf::Value& value) {
  if (value.has_number_value()) {
    double number = value.number_value();
    if (std::trunc(number) != number || number < INT32_MIN || number > INT32_MAX) return std::nullopt;
    return static_cast<int32_t>(number);
  }
  const std::string& text = value.string_value();
  int32_t replica = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), replica);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return replica;
}

Result<std::vector<int32_t>> read_replicas(const ReplicaMap& map, int32_t partition) {
  std::vector<int32_t> replicas;
  auto found = map.find(partition);
  if (found == map.end()) return replicas;
  for (const auto& value : found->second.values()) {
    auto replica = read_replica(value);
    if (!replica) return json::malformed("topic", fmt::format("replicas of partition {}", partition));
    replicas.push_back(*replica);
  }
  return replicas;
}

Result<ReplicaAssignment> read_assignment(const json::Topic& topic, int32_t partition) {
  auto replicas = read_replicas(topic.partitions(), partition);
  if (!replicas) return replicas.error();
  auto adding = read_replicas(topic.adding_replicas(), partition);
  if (!adding) return adding.error();
  auto removing = read_replicas(topic.removing_replicas(), partition);
  if (!removing) return removing.error();
  return ReplicaAssignment{std::move(*replicas), std::move(*adding), std::move(*removing)};
}

}  // namespace

std::string TopicAssignment::encode() const {
  json::Topic topic;
  topic.set_version(3);
  for (const auto& [partition, assignment] : partitions) {
    write_replicas(assignment.replicas, (*topic.mutable_partitions())[partition]);
    if (!assignment.adding.empty())
      write_replicas(assignment.adding, (*topic.mutable_adding_replicas())[partition]);
    if (!assignment.removing.empty()) {
      write_replicas(assignment.removing, (*topic.mutable_removing_replicas())[partition]);
    }
  }
  if (topic_id) topic.set_topic_id(*topic_id);
  return json::to_json(topic);
}

Result<TopicAssignment> TopicAssignment::decode(std::string_view text) {
  auto topic = json::from_json<json::Topic>(text);
  if (!topic) return topic.error();
  TopicAssignment decoded;
  for (const auto& entry : topic->partitions()) {
    auto assignment = read_assignment(*topic, entry.first);
    if (!assignment) return assignment.error();
    decoded.partitions.emplace(entry.first, std::move(*assignment));
  }
  if (topic->has_topic_id()) decoded.topic_id = topic->topic_id();
  return decoded;
}

std::string PartitionState::encode() const {
  json::Partition partition;
  partition.set_version(1);
  partition.set_leader(leader);
  partition.set_leader_epoch(leader_epoch);
  partition.set_controller_epoch(controller_epoch);
  for (int32_t replica : isr) partition.add_isr(replica);
  if (recovering) partition.set_leader_recovery_state(1);
  return json::to_json(partition);
}

Result<PartitionState> PartitionState::decode(std::string_view text) {
  auto partition = json::from_json<json::Partition>(text);
  if (!partition) return partition.error();
  if (!partition->has_leader() || !partition->has_leader_epoch() || !partition->has_controller_epoch()) {
    return json::malformed("partition state", text);
  }
  PartitionState state;
  state.leader = partition->leader();
  state.leader_epoch = partition->leader_epoch();
  state.controller_epoch = partition->controller_epoch();
  state.isr.assign(partition->isr().begin(), partition->isr().end());
  state.recovering = partition->leader_recovery_state() == 1;
  return state;
}

}  // namespace gregor::zk
