#include "broker/controller/leader_decisions.h"

#include <algorithm>

namespace gregor {
namespace {

bool contains(const std::vector<BrokerId>& brokers, BrokerId broker) {
  return std::find(brokers.begin(), brokers.end(), broker) != brokers.end();
}

std::vector<BrokerId> live_of(const std::vector<BrokerId>& brokers, const ControllerContext& context) {
  std::vector<BrokerId> live;
  std::copy_if(brokers.begin(), brokers.end(), std::back_inserter(live),
               [&](BrokerId broker) { return context.is_live(broker); });
  return live;
}

std::optional<LeaderAndIsr> first_state(const PartitionAssignment& assignment, const ControllerContext& context) {
  std::vector<BrokerId> live = live_of(assignment.replicas, context);
  if (live.empty()) return std::nullopt;
  BrokerId leader = live.front();
  return LeaderAndIsr{leader, LeaderEpoch(0), context.epoch, std::move(live), 0};
}

/// The first replica in assignment order that is live and in sync.
BrokerId eligible_leader(const PartitionAssignment& assignment, const ControllerContext& context) {
  for (BrokerId replica : assignment.replicas) {
    if (context.is_live(replica) && contains(assignment.state->in_sync, replica)) return replica;
  }
  return kNoBroker;
}

std::optional<LeaderAndIsr> next_state(const PartitionAssignment& assignment, const ControllerContext& context) {
  const LeaderAndIsr& state = *assignment.state;
  LeaderAndIsr next = state;
  if (!context.is_live(state.leader)) next.leader = eligible_leader(assignment, context);
  // With nobody left the set stays as it is: it names those who have every acknowledged record.
  std::vector<BrokerId> live = live_of(state.in_sync, context);
  if (!live.empty()) next.in_sync = std::move(live);
  if (next == state) return std::nullopt;
  next.leader_epoch = LeaderEpoch(state.leader_epoch.value + 1);
  next.controller_epoch = context.epoch;
  return next;
}

void decide_topic(const std::string& name, const TopicAssignmentState& topic, const ControllerContext& context,
                  std::vector<StateChange>& changes) {
  for (const auto& [index, assignment] : topic.partitions) {
    bool is_new = !assignment.state.has_value();
    auto next = is_new ? first_state(assignment, context) : next_state(assignment, context);
    if (next) changes.push_back({{name, index}, std::move(*next), is_new});
  }
}

}  // namespace

PartitionAssignment* ControllerContext::partition(const TopicPartition& name) {
  auto topic = topics.find(name.topic);
  if (topic == topics.end()) return nullptr;
  auto found = topic->second.partitions.find(name.partition);
  return found == topic->second.partitions.end() ? nullptr : &found->second;
}

std::vector<StateChange> decide_leaders(const ControllerContext& context, const std::vector<std::string>* topics) {
  std::vector<StateChange> changes;
  if (topics == nullptr) {
    for (const auto& [name, topic] : context.topics) {
      if (!context.topics_to_delete.contains(name)) decide_topic(name, topic, context, changes);
    }
    return changes;
  }
  for (const auto& name : *topics) {
    auto topic = context.topics.find(name);
    if (topic != context.topics.end()) decide_topic(name, topic->second, context, changes);
  }
  return changes;
}

}  // namespace gregor
