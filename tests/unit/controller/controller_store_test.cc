#include "broker/controller/controller_store.h"

#include "coordination_fixture.h"

#include "broker/types/error_code.h"

namespace gregor {
namespace {

class ControllerStoreTest : public CoordinationTest {
 protected:
  ControllerStoreTest() {
    put(paths::kControllerEpoch, "7");
    term_ = {ControllerEpoch(7), zookeeper_.stat(paths::kControllerEpoch).version};
  }

  StateChange change(const std::string& topic, int32_t partition, int32_t leader, bool is_new,
                     int32_t version = 0) {
    return {
        {topic, partition}, {BrokerId(leader), LeaderEpoch(3), ControllerEpoch(7), ids({leader}), version}, is_new};
  }
  std::vector<StateChange> write(std::vector<StateChange> changes) {
    auto written = shards_.run(store_.write_states(term_, std::move(changes)));
    EXPECT_TRUE(written.ok()) << written.error().message;
    return written.ok() ? *written : std::vector<StateChange>();
  }

  ControllerStore store_{zookeeper_, random_};
  ControllerTerm term_;
};

TEST_F(ControllerStoreTest, NewStatesComeWithTheirParents) {
  topic_is_made("a", {{1}, {1}});
  auto written = write({change("a", 0, 1, true), change("a", 1, 1, true)});
  EXPECT_EQ(written.size(), 2u);
  EXPECT_EQ(state("a", 1), (zk::PartitionState{1, 3, 7, {1}}));
}

TEST_F(ControllerStoreTest, ChangedStatesAreYieldedWithTheirNewVersions) {
  topic_is_made("a", {{1}});
  state_is("a", 0, 2, 2, {2});
  state_is("a", 0, 2, 2, {2});
  auto written = write({change("a", 0, 1, false, 1)});
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].next.znode_version, 2);
  EXPECT_EQ(zookeeper_.stat(paths::partition_state("a", 0)).version, 2);
}

TEST_F(ControllerStoreTest, StateThatSomebodyChangedIsLeftOutAndTheOthersAreWritten) {
  topic_is_made("a", {{1}, {1}});
  state_is("a", 0, 2, 2, {2});
  state_is("a", 0, 2, 9, {2});
  auto written = write({change("a", 0, 1, false, 0), change("a", 1, 1, true)});
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].partition.partition, 1);
  EXPECT_EQ(state("a", 0)->leader_epoch, 9);
}

TEST_F(ControllerStoreTest, ParentLeftByAnInterruptedControllerIsNoObstacle) {
  topic_is_made("a", {{1}, {1}});
  put(paths::partition("a", 0), "");
  EXPECT_EQ(write({change("a", 0, 1, true), change("a", 1, 1, true)}).size(), 2u);
  EXPECT_TRUE(state("a", 0).has_value());
}

TEST_F(ControllerStoreTest, WriteWhoseAnswerWasLostCountsAsWritten) {
  topic_is_made("a", {{1}, {1}});
  state_is("a", 1, 2, 2, {2});
  put(paths::partitions("a"), "");
  std::vector<StateChange> changes{change("a", 1, 1, false, 0)};
  zookeeper_.lose_answer_of_next_multi();
  auto written = write(changes);
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].next.znode_version, 1);

  // Making the parent is a write of its own, which comes first.
  zookeeper_.lose_answer_of_next_multi();
  EXPECT_EQ(write({change("a", 0, 1, true)}).size(), 1u);
  remove(paths::partition_state("a", 0));
  remove(paths::partition("a", 0));
  auto parent_is_there = [&] { zookeeper_.fail_next(paths::partitions("a"), ZkCode::node_exists); };
  shards_.call(parent_is_there);
  zookeeper_.lose_answer_of_next_multi();
  written = write({change("a", 0, 1, true)});
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].next.znode_version, 0);
}

TEST_F(ControllerStoreTest, NothingIsWrittenOnceTheTermIsOver) {
  topic_is_made("a", {{1}});
  put(paths::kControllerEpoch, "8");
  auto written = shards_.run(store_.write_states(term_, {change("a", 0, 1, true)}));
  ASSERT_FALSE(written.ok());
  EXPECT_TRUE(written.error().is(ErrorCode::not_controller));
  EXPECT_FALSE(state("a", 0).has_value());
  auto deleted = shards_.run(store_.delete_topic(term_, "a"));
  ASSERT_FALSE(deleted.ok());
  EXPECT_TRUE(deleted.error().is(ErrorCode::not_controller));
  EXPECT_TRUE(zookeeper_.has(paths::topic("a")));
}

TEST_F(ControllerStoreTest, ManyStatesAreWrittenInSeveralMultis) {
  std::vector<std::vector<int32_t>> replicas(600, std::vector<int32_t>{1});
  topic_is_made("a", replicas);
  std::vector<StateChange> changes;
  for (int32_t i = 0; i < 600; ++i) changes.push_back(change("a", i, 1, true));
  EXPECT_EQ(write(changes).size(), 600u);
  EXPECT_TRUE(state("a", 599).has_value());
}

TEST_F(ControllerStoreTest, TopicsAreReadWithTheirStates) {
  topic_is_made("a", {{1, 2}, {2}});
  state_is("a", 0, 2, 5, {2, 1});
  auto topics = shards_.run(store_.topics(term_, {"a", "gone"}));
  ASSERT_TRUE(topics.ok());
  ASSERT_EQ(topics->size(), 1u);
  const auto& topic = topics->at("a");
  EXPECT_EQ(topic.id, id_of("a"));
  EXPECT_EQ(topic.partitions.at(0).replicas, ids({1, 2}));
  EXPECT_EQ(topic.partitions.at(0).state,
            (LeaderAndIsr{BrokerId(2), LeaderEpoch(5), ControllerEpoch(1), ids({2, 1}), 0}));
  EXPECT_FALSE(topic.partitions.at(1).state.has_value());
}

TEST_F(ControllerStoreTest, StatesOfNewTopicsAreReadWhereAnEarlierControllerHasBegun) {
  topic_is_made("a", {{1, 2}, {2}});
  topic_is_made("b", {{1}});
  state_is("a", 0, 2, 5, {2, 1});
  auto topics = shards_.run(store_.made_topics(term_, {"a", "b", "gone"}));
  ASSERT_TRUE(topics.ok());
  ASSERT_EQ(topics->size(), 2u);
  EXPECT_EQ(topics->at("a").partitions.at(0).state->leader, BrokerId(2));
  EXPECT_FALSE(topics->at("a").partitions.at(1).state.has_value());
  EXPECT_EQ(topics->at("b").partitions.at(0).replicas, ids({1}));
  EXPECT_FALSE(topics->at("b").partitions.at(0).state.has_value());
}

TEST_F(ControllerStoreTest, TopicFromBeforeThereWereIdsIsGivenOne) {
  topic_is_made("old", {{1}}, false);
  auto topics = shards_.run(store_.topics(term_, {"old"}));
  ASSERT_TRUE(topics.ok());
  Uuid id = topics->at("old").id;
  EXPECT_FALSE(id.is_zero());
  auto znode = zk::TopicAssignment::decode(zookeeper_.data(paths::topic("old")));
  EXPECT_EQ(znode->topic_id, id.to_string());
  EXPECT_EQ(znode->partitions.at(0).replicas, std::vector<int32_t>{1});
}

TEST_F(ControllerStoreTest, LiveBrokersHaveTheCzxidAsTheirEpoch) {
  broker_arrives(2);
  put(paths::broker(3), "not json", true);
  auto live = shards_.run(store_.live_brokers());
  ASSERT_TRUE(live.ok());
  ASSERT_EQ(live->size(), 1u);
  EXPECT_EQ(live->at(BrokerId(2)).epoch.value, zookeeper_.stat(paths::broker(2)).czxid);
  EXPECT_EQ(live->at(BrokerId(2)).image.endpoint("PLAINTEXT")->port, port_of(2));
}

TEST_F(ControllerStoreTest, DeletedTopicLeavesNothingBehind) {
  topic_is_made("a", {{1}, {1}});
  state_is("a", 0, 1, 0, {1});
  put(paths::partition("a", 1), "");  // its state was never written
  put(paths::config("topics", "a"), "{}");
  put(paths::delete_topic("a"), "");
  EXPECT_TRUE(shards_.run(store_.delete_topic(term_, "a")).ok());
  EXPECT_FALSE(zookeeper_.has(paths::topic("a")));
  EXPECT_FALSE(zookeeper_.has(paths::config("topics", "a")));
  EXPECT_FALSE(zookeeper_.has(paths::delete_topic("a")));
}

TEST_F(ControllerStoreTest, DeletionThatWasInterruptedAnywhereIsFinished) {
  put(paths::delete_topic("a"), "");
  EXPECT_TRUE(shards_.run(store_.delete_topic(term_, "a")).ok());
  EXPECT_FALSE(zookeeper_.has(paths::delete_topic("a")));
  topic_is_made("b", {{1}});
  EXPECT_TRUE(shards_.run(store_.delete_topic(term_, "b")).ok());
  EXPECT_FALSE(zookeeper_.has(paths::topic("b")));
}

}  // namespace
}  // namespace gregor
