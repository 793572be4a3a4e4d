#include "broker/controller/control_requests.h"

#include <gtest/gtest.h>

#include "broker/protocol/frame.h"
#include "broker/protocol/leader_and_isr.h"
#include "broker/protocol/stop_replica.h"
#include "broker/protocol/update_metadata.h"

namespace gregor {
namespace {

using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

/// Reads a whole frame back as its receiver would. Texts are views into the frame.
template <class Request>
Request decoded(const Buffer& frame) {
  EXPECT_EQ(load_big_endian<int32_t>(frame.data()), static_cast<int32_t>(frame.size() - 4));
  ByteReader reader(frame.view().subspan(4));
  auto header = protocol::decode_request_header(reader);
  EXPECT_TRUE(header.ok());
  EXPECT_EQ(header->request_api_key, static_cast<int16_t>(Request::kApiKey));
  auto request = Request::decode(reader, header->request_api_version);
  EXPECT_TRUE(request.ok());
  return *request;
}

/// Brokers 1 and 2 are live, 3 is not; `orders` has one partition on 1 and 2, one on 3, and one without a state.
class ControlRequestsTest : public ::testing::Test {
 protected:
  ControlRequestsTest() {
    context_.epoch = ControllerEpoch(7);
    for (int32_t id : {1, 2}) {
      LiveBroker& broker = context_.live_brokers[BrokerId(id)];
      broker.image.id = BrokerId(id);
      broker.epoch = BrokerEpoch(100 + id);
      broker.image.endpoints.push_back({"INTERNAL", "in" + std::to_string(id), 9090 + id, 0});
      broker.image.endpoints.push_back({"PUBLIC", "out" + std::to_string(id), 9190 + id, 1});
    }
    context_.live_brokers[BrokerId(2)].image.rack = "r2";
    auto& orders = context_.topics["orders"];
    orders.id = Uuid::from_random({1, 2, 3});
    orders.partitions[0] = {{BrokerId(1), BrokerId(2)},
                            LeaderAndIsr{BrokerId(1), LeaderEpoch(4), ControllerEpoch(6), {BrokerId(1)}, 9}};
    orders.partitions[1] = {{BrokerId(3)},
                            LeaderAndIsr{kNoBroker, LeaderEpoch(2), ControllerEpoch(7), {BrokerId(3)}, 1}};
    orders.partitions[2] = {{BrokerId(3)}, std::nullopt};
  }

  const LiveBroker& broker(int32_t id) { return context_.live_brokers.at(BrokerId(id)); }
  std::vector<TopicPartition> all() { return {{"orders", 0}, {"orders", 1}, {"orders", 2}, {"unknown", 0}}; }

  ControllerContext context_;
  ControlRequests requests_{BrokerId(1), "INTERNAL"};
};

TEST_F(ControlRequestsTest, LeaderAndIsrTellsABrokerOfItsOwnPartitions) {
  Buffer frame = requests_.leader_and_isr(context_, broker(2), all(), {{"orders", 0}});
  auto request = decoded<LeaderAndIsrRequest>(frame);
  EXPECT_EQ(request.controller_id, 1);
  EXPECT_EQ(request.controller_epoch, 7);
  EXPECT_EQ(request.broker_epoch, 102);
  ASSERT_EQ(request.topic_states.size(), 1u);
  EXPECT_EQ(request.topic_states[0].topic_name, "orders");
  EXPECT_EQ(request.topic_states[0].topic_id, context_.topics["orders"].id);
  ASSERT_EQ(request.topic_states[0].partition_states.size(), 1u);
  const auto& partition = request.topic_states[0].partition_states[0];
  EXPECT_EQ(partition.partition_index, 0);
  EXPECT_EQ(partition.leader, 1);
  EXPECT_EQ(partition.leader_epoch, 4);
  EXPECT_EQ(partition.controller_epoch, 6);
  EXPECT_EQ(partition.isr, std::vector<int32_t>{1});
  EXPECT_EQ(partition.replicas, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(partition.partition_epoch, 9);
  EXPECT_TRUE(partition.is_new);
  ASSERT_EQ(request.live_leaders.size(), 1u);
  EXPECT_EQ(request.live_leaders[0].broker_id, 1);
  EXPECT_EQ(request.live_leaders[0].host_name, "in1");
  EXPECT_EQ(request.live_leaders[0].port, 9091);
}

TEST_F(ControlRequestsTest, LeaderAndIsrIsNotMadeForABrokerThatHasNone) {
  EXPECT_TRUE(requests_.leader_and_isr(context_, broker(2), {{"orders", 1}}, {}).empty());
}

TEST_F(ControlRequestsTest, UpdateMetadataTellsEverybodyOfBrokersAndDecidedPartitions) {
  Buffer frame = requests_.update_metadata(context_, broker(2), all());
  auto request = decoded<UpdateMetadataRequest>(frame);
  EXPECT_EQ(request.controller_id, 1);
  EXPECT_EQ(request.broker_epoch, 102);
  ASSERT_EQ(request.live_brokers.size(), 2u);
  EXPECT_EQ(request.live_brokers[0].endpoints.size(), 2u);
  EXPECT_EQ(request.live_brokers[1].endpoints[1].host, "out2");
  EXPECT_EQ(request.live_brokers[1].endpoints[1].port, 9192);
  EXPECT_EQ(request.live_brokers[1].endpoints[1].listener, "PUBLIC");
  EXPECT_EQ(request.live_brokers[1].endpoints[1].security_protocol, 1);
  EXPECT_EQ(request.live_brokers[1].rack, "r2");
  ASSERT_EQ(request.topic_states.size(), 1u);
  ASSERT_EQ(request.topic_states[0].partition_states.size(), 2u);
  const auto& without_leader = request.topic_states[0].partition_states[1];
  EXPECT_EQ(without_leader.partition_index, 1);
  EXPECT_EQ(without_leader.leader, -1);
  EXPECT_EQ(without_leader.isr, std::vector<int32_t>{3});
  EXPECT_EQ(without_leader.offline_replicas, std::vector<int32_t>{3});
}

TEST_F(ControlRequestsTest, UpdateMetadataOfAClusterWithoutTopicsNamesTheBrokers) {
  Buffer frame = requests_.update_metadata(context_, broker(1), {});
  auto request = decoded<UpdateMetadataRequest>(frame);
  EXPECT_EQ(request.live_brokers.size(), 2u);
  EXPECT_TRUE(request.topic_states.empty());
}

TEST_F(ControlRequestsTest, UpdateMetadataMarksATopicBeingDeletedAsGone) {
  context_.topics_to_delete.insert("orders");
  Buffer frame = requests_.update_metadata(context_, broker(1), {{"orders", 0}, {"orders", 2}});
  auto request = decoded<UpdateMetadataRequest>(frame);
  ASSERT_EQ(request.topic_states[0].partition_states.size(), 2u);
  for (const auto& partition : request.topic_states[0].partition_states) {
    EXPECT_EQ(partition.leader, -2);
    EXPECT_EQ(partition.leader_epoch, -2);
  }
}

TEST_F(ControlRequestsTest, StopReplicaDeletesWhatTheReceiverHasWhateverTheEpoch) {
  Buffer frame = requests_.delete_replicas(context_, broker(1), "orders");
  auto request = decoded<StopReplicaRequest>(frame);
  EXPECT_EQ(request.broker_epoch, 101);
  ASSERT_EQ(request.topic_states.size(), 1u);
  ASSERT_EQ(request.topic_states[0].partition_states.size(), 1u);
  EXPECT_EQ(request.topic_states[0].partition_states[0].partition_index, 0);
  EXPECT_EQ(request.topic_states[0].partition_states[0].leader_epoch, -2);
  EXPECT_TRUE(request.topic_states[0].partition_states[0].delete_partition);
}

TEST_F(ControlRequestsTest, DeletionIsDoneWhenNoReplicaReportsAnError) {
  auto answer = [](int16_t error, int16_t partition_error) {
    protocol::StopReplicaResponse response;
    response.error_code = error;
    response.partition_errors.emplace_back().error_code = partition_error;
    Buffer frame = protocol::response_frame(response, 4, 0).bytes().take();
    return Buffer::copy_of(frame.view().subspan(4));
  };
  EXPECT_TRUE(all_replicas_deleted(answer(0, 0)));
  EXPECT_FALSE(all_replicas_deleted(answer(11, 0)));
  EXPECT_FALSE(all_replicas_deleted(answer(0, 56)));
  EXPECT_FALSE(all_replicas_deleted(Buffer::copy_of(as_bytes("no answer"))));
}

}  // namespace
}  // namespace gregor
