#include "broker/controller/leader_decisions.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

std::vector<BrokerId> ids(std::initializer_list<int32_t> raw) {
  std::vector<BrokerId> brokers;
  for (int32_t id : raw) brokers.emplace_back(id);
  return brokers;
}

/// A cluster of one topic with one partition, told in a sentence.
struct Cluster {
  ControllerContext context;

  explicit Cluster(std::initializer_list<int32_t> replicas) {
    context.epoch = ControllerEpoch(7);
    context.topics["t"].partitions[0].replicas = ids(replicas);
  }
  Cluster& live(std::initializer_list<int32_t> brokers) {
    context.live_brokers.clear();
    for (BrokerId broker : ids(brokers)) context.live_brokers[broker];
    return *this;
  }
  Cluster& state(int32_t leader, int32_t epoch, std::initializer_list<int32_t> in_sync) {
    context.topics["t"].partitions[0].state =
        LeaderAndIsr{BrokerId(leader), LeaderEpoch(epoch), ControllerEpoch(1), ids(in_sync), 3};
    return *this;
  }
  std::vector<StateChange> decide() { return decide_leaders(context, nullptr); }
};

TEST(LeaderDecisions, NewPartitionIsLedByItsFirstLiveReplica) {
  auto changes = Cluster({3, 1, 2}).live({1, 2}).decide();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].is_new);
  EXPECT_EQ(changes[0].next, (LeaderAndIsr{BrokerId(1), LeaderEpoch(0), ControllerEpoch(7), ids({1, 2}), 0}));
}

TEST(LeaderDecisions, NewPartitionWithoutLiveReplicaWaits) {
  EXPECT_TRUE(Cluster({3}).live({1, 2}).decide().empty());
}

TEST(LeaderDecisions, HealthyPartitionIsLeftAlone) {
  EXPECT_TRUE(Cluster({1, 2}).live({1, 2}).state(1, 4, {1, 2}).decide().empty());
}

TEST(LeaderDecisions, LostLeaderIsReplacedByFirstInSyncReplicaInAssignmentOrder) {
  auto changes = Cluster({1, 2, 3}).live({2, 3}).state(1, 4, {1, 3, 2}).decide();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].next, (LeaderAndIsr{BrokerId(2), LeaderEpoch(5), ControllerEpoch(7), ids({3, 2}), 3}));
}

TEST(LeaderDecisions, ReplicaOutOfSyncNeverLeads) {
  auto changes = Cluster({1, 2}).live({2}).state(1, 4, {1}).decide();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].next, (LeaderAndIsr{kNoBroker, LeaderEpoch(5), ControllerEpoch(7), ids({1}), 3}));
}

TEST(LeaderDecisions, PartitionWithoutLeaderIsNotRaisedAgainWhileNobodyCanLead) {
  EXPECT_TRUE(Cluster({1, 2}).live({2}).state(-1, 5, {1}).decide().empty());
}

TEST(LeaderDecisions, ReturningInSyncReplicaLeadsAgain) {
  auto changes = Cluster({1, 2}).live({1, 2}).state(-1, 5, {1}).decide();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].next.leader, BrokerId(1));
  EXPECT_EQ(changes[0].next.leader_epoch, LeaderEpoch(6));
}

TEST(LeaderDecisions, LostFollowerLeavesTheInSyncSet) {
  auto changes = Cluster({1, 2}).live({1}).state(1, 4, {1, 2}).decide();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].next.leader, BrokerId(1));
  EXPECT_EQ(changes[0].next.in_sync, ids({1}));
}

TEST(LeaderDecisions, TopicBeingDeletedIsLeftAlone) {
  Cluster cluster({1});
  cluster.live({1}).context.topics_to_delete.insert("t");
  EXPECT_TRUE(cluster.decide().empty());
}

}  // namespace
}  // namespace gregor
