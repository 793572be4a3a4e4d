#include <gtest/gtest.h>

#include "broker/api/update_metadata.h"

namespace gregor {
namespace {

using Request = protocol::UpdateMetadataRequest;

Uuid id_of(uint8_t number) { return Uuid::from_random({number}); }

/// One UpdateMetadata of controller 1, in few words.
struct Update {
  Request request;

  Update() { request.controller_id = 1; }
  Update& broker(int32_t id) {
    auto& row = request.live_brokers.emplace_back();
    row.id = id;
    auto& endpoint = row.endpoints.emplace_back();
    endpoint.host = "host";
    endpoint.port = 9000 + id;
    endpoint.listener = "PLAINTEXT";
    return *this;
  }
  Update& partition(std::string_view topic, Uuid id, int32_t index, int32_t leader, int32_t epoch = 0) {
    auto& row = request.topic_states.emplace_back();
    row.topic_name = topic;
    row.topic_id = id;
    auto& state = row.partition_states.emplace_back();
    state.partition_index = index;
    state.leader = leader;
    state.leader_epoch = epoch;
    state.isr = {leader};
    state.replicas = {leader};
    return *this;
  }
  Update& old_partition(std::string_view topic, int32_t index, int32_t leader) {
    auto& state = request.ungrouped_partition_states.emplace_back();
    state.topic_name = topic;
    state.partition_index = index;
    state.leader = leader;
    return *this;
  }
};

TEST(UpdatedImage, BrokersAreReplacedAndPartitionsMerged) {
  ClusterImage image = updated_image(
      {}, Update().broker(1).broker(2).partition("a", id_of(1), 0, 1).partition("a", id_of(1), 1, 2).request);
  image = updated_image(image, Update().broker(2).partition("a", id_of(1), 0, 2, 7).request);
  EXPECT_EQ(image.controller(), BrokerId(1));
  EXPECT_EQ(image.broker(BrokerId(1)), nullptr);
  EXPECT_EQ(image.broker(BrokerId(2))->endpoint("PLAINTEXT")->port, 9002);
  EXPECT_EQ(image.partition({"a", 0})->leader, BrokerId(2));
  EXPECT_EQ(image.partition({"a", 0})->leader_epoch, LeaderEpoch(7));
  EXPECT_EQ(image.partition({"a", 1})->leader, BrokerId(2));
  EXPECT_EQ(image.topic(id_of(1)), image.topic("a"));
}

TEST(UpdatedImage, TopicGoesWithItsLastPartition) {
  ClusterImage image =
      updated_image({}, Update().partition("a", id_of(1), 0, 1).partition("a", id_of(1), 1, 1).request);
  image = updated_image(image, Update().partition("a", id_of(1), 0, -2).request);
  ASSERT_NE(image.topic("a"), nullptr);
  EXPECT_EQ(image.partition({"a", 0}), nullptr);
  image = updated_image(image, Update().partition("a", id_of(1), 1, -2).request);
  EXPECT_EQ(image.topic("a"), nullptr);
  EXPECT_EQ(image.topic(id_of(1)), nullptr);
}

TEST(UpdatedImage, DeletionOfAnUnknownTopicLeavesNothing) {
  ClusterImage image = updated_image({}, Update().partition("a", id_of(1), 0, -2).request);
  EXPECT_TRUE(image.topics().empty());
}

TEST(UpdatedImage, PartitionWithoutALeaderIsKept) {
  ClusterImage image = updated_image({}, Update().partition("a", id_of(1), 0, -1).request);
  EXPECT_EQ(image.partition({"a", 0})->leader, kNoBroker);
}

TEST(UpdatedImage, AnotherIdUnderTheSameNameIsAnotherTopic) {
  ClusterImage image =
      updated_image({}, Update().partition("a", id_of(1), 0, 1).partition("a", id_of(1), 1, 1).request);
  image = updated_image(image, Update().partition("a", id_of(2), 0, 1).request);
  EXPECT_EQ(image.topic("a")->partitions.size(), 1u);
  EXPECT_EQ(image.topic(id_of(1)), nullptr);
  EXPECT_NE(image.topic(id_of(2)), nullptr);
}

TEST(UpdatedImage, RequestsFromBeforeThereWereIdsKeepTheIdThatIsKnown) {
  ClusterImage image = updated_image({}, Update().partition("a", id_of(1), 0, 1).request);
  image = updated_image(image, Update().old_partition("a", 0, 2).old_partition("b", 0, 2).request);
  EXPECT_EQ(image.topic("a")->id, id_of(1));
  EXPECT_EQ(image.partition({"a", 0})->leader, BrokerId(2));
  EXPECT_TRUE(image.topic("b")->id.is_zero());
}

TEST(UpdatedImage, ListenersFromBeforeTheyHadNamesAreCalledAfterTheirProtocol) {
  Request request;
  auto& oldest = request.live_brokers.emplace_back();
  oldest.id = 1;
  oldest.v0_host = "oldest";
  oldest.v0_port = 9092;
  auto& old = request.live_brokers.emplace_back();
  old.id = 2;
  for (int16_t protocol : {1, 99, -1}) {
    auto& endpoint = old.endpoints.emplace_back();
    endpoint.host = "old";
    endpoint.security_protocol = protocol;
  }
  ClusterImage image = updated_image({}, request);
  EXPECT_EQ(image.broker(BrokerId(1))->endpoint("PLAINTEXT")->host, "oldest");
  EXPECT_NE(image.broker(BrokerId(2))->endpoint("SSL"), nullptr);
}

}  // namespace
}  // namespace gregor
