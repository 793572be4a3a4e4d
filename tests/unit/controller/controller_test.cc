#include "broker/controller/controller.h"

#include "coordination_fixture.h"

#include "broker/protocol/frame.h"
#include "broker/protocol/leader_and_isr.h"
#include "broker/protocol/stop_replica.h"
#include "broker/protocol/update_metadata.h"
#include "tests/support/fake_peers.h"
#include "zk-schema/controller.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

/// A frame that a broker was sent.
struct Told {
  int32_t broker = -1;
  ApiKey key{};
  Buffer frame;

  template <class Request>
  Request as() const {
    ByteReader reader(frame.view());
    auto header = protocol::decode_request_header(reader);
    auto request = Request::decode(reader, header->request_api_version);
    EXPECT_TRUE(request.ok());
    return *request;
  }
};

/// The controller of broker 1 in a cluster whose other brokers only listen: they note what they are told.
class ControllerTest : public CoordinationTest {
 protected:
  ControllerTest() {
    zookeeper_.on_watch([this](WatchEvent event) { controller_.on_watch(event); });
    zookeeper_.on_session([this](SessionState state) {
      if (state == SessionState::expired) controller_.on_session_lost();
    });
  }
  ~ControllerTest() override {
    auto stopped = shards_.start(stop(controller_));
    shards_.advance(10s);
    EXPECT_TRUE(stopped.has_ended());
  }

  static Task<bool> stop(Controller& controller) {
    co_await controller.stop();
    co_return true;
  }
  void stop_controller() {
    auto stopped = shards_.start(stop(controller_));
    shards_.advance(10ms);
    EXPECT_TRUE(stopped.has_ended());
  }
  void start() {
    shards_.call([this] { controller_.start(); });
  }
  bool is_active() {
    return shards_.call([this] { return controller_.is_active(); });
  }
  int32_t controller_in_zookeeper() {
    auto info = zk::ControllerInfo::decode(zookeeper_.data(paths::kController));
    return info ? info->broker_id : -1;
  }
  void other_broker_is_controller(int32_t id, const std::string& epoch) {
    put(paths::kControllerEpoch, epoch);
    put(paths::kController, zk::ControllerInfo{id, 1}.encode(), true);
  }

  Buffer answer(uint16_t port, Bytes frame) {
    ByteReader reader(frame);
    auto header = protocol::decode_request_header(reader);
    EXPECT_TRUE(header.ok());
    auto key = static_cast<ApiKey>(header->request_api_key);
    told_.push_back({port - 9000, key, Buffer::copy_of(frame)});
    if (key == ApiKey::stop_replica) {
      protocol::StopReplicaResponse response;
      response.partition_errors.emplace_back().error_code = stop_replica_error_;
      return framed(response, *header);
    }
    if (key == ApiKey::leader_and_isr) return framed(protocol::LeaderAndIsrResponse(), *header);
    return framed(protocol::UpdateMetadataResponse(), *header);
  }
  template <class Response>
  static Buffer framed(const Response& response, const protocol::RequestHeader& header) {
    return protocol::response_frame(response, header.request_api_version, header.correlation_id).bytes().take();
  }

  /// What `broker` was told since `forget`, in the API `Request`.
  template <class Request>
  std::vector<Request> told(int32_t broker) {
    std::vector<Request> requests;
    for (const Told& one : told_) {
      if (one.broker == broker && one.key == Request::kApiKey) requests.push_back(one.as<Request>());
    }
    return requests;
  }
  void forget() { told_.clear(); }
  /// `topic-partition:leader/epoch` of every partition of a request.
  template <class Request>
  static std::vector<std::string> rows(const Request& request) {
    std::vector<std::string> texts;
    for (const auto& topic : request.topic_states) {
      for (const auto& row : topic.partition_states) {
        texts.push_back(std::string(topic.topic_name) + "-" + std::to_string(row.partition_index) + ":" +
                        std::to_string(row.leader) + "/" + std::to_string(row.leader_epoch));
      }
    }
    return texts;
  }
  using Rows = std::vector<std::string>;

  std::vector<Told> told_;
  int16_t stop_replica_error_ = 0;
  testing::FakePeers network_{[this](uint16_t port, Bytes frame) { return answer(port, frame); }};
  BrokerConfig config_ = config_with({});
  Controller controller_{
      ControllerEnvironment{BrokerId(1), zookeeper_, network_, random_, shards_.clock(), config_}};
};

// --- election ---

TEST_F(ControllerTest, OnlyBrokerOfAClusterBecomesItsController) {
  broker_arrives(1);
  start();
  EXPECT_TRUE(is_active());
  EXPECT_EQ(controller_in_zookeeper(), 1);
  EXPECT_EQ(zookeeper_.data(paths::kControllerEpoch), "1");
  ASSERT_EQ(told<UpdateMetadataRequest>(1).size(), 1u);
  EXPECT_EQ(told<UpdateMetadataRequest>(1)[0].live_brokers.size(), 1u);
  EXPECT_TRUE(told<LeaderAndIsrRequest>(1).empty());
}

TEST_F(ControllerTest, WaitsForItsTurnWhileAnotherIsController) {
  other_broker_is_controller(2, "4");
  start();
  EXPECT_FALSE(is_active());
  remove(paths::kController);
  EXPECT_TRUE(is_active());
  EXPECT_EQ(zookeeper_.data(paths::kControllerEpoch), "5");
}

TEST_F(ControllerTest, LeavesOfficeWhenAnotherTookIt) {
  broker_arrives(1);
  start();
  remove(paths::kController);  // by an operator; elections follow
  EXPECT_TRUE(is_active());
  EXPECT_EQ(zookeeper_.data(paths::kControllerEpoch), "2");
}

TEST_F(ControllerTest, StopGivesTheOfficeUp) {
  start();
  stop_controller();
  EXPECT_FALSE(zookeeper_.has(paths::kController));
}

TEST_F(ControllerTest, IsFencedOffByAnotherEpochAndWritesNothingMore) {
  broker_arrives(1);
  start();
  // The session hung; meanwhile another was elected. The topic is the first that is heard of.
  shards_.call([&] {
    zookeeper_.others_remove(paths::kController);
    zookeeper_.others_put(paths::kControllerEpoch, "9");
    zookeeper_.others_put(paths::kController, zk::ControllerInfo{2, 1}.encode(), true);
  });
  topic_is_made("orders", {{1}});
  shards_.advance(1s);
  EXPECT_FALSE(is_active());
  EXPECT_FALSE(state("orders", 0).has_value());
  EXPECT_EQ(controller_in_zookeeper(), 2);
}

TEST_F(ControllerTest, LostSessionEndsTheOfficeAndTheNextBringsAnElection) {
  broker_arrives(1);
  start();
  shards_.call([this] { zookeeper_.expire_session(); });
  EXPECT_FALSE(is_active());
  forget();
  start();  // as the broker does once it is registered again
  shards_.advance(1s);
  EXPECT_TRUE(is_active());
  EXPECT_EQ(zookeeper_.data(paths::kControllerEpoch), "2");
  EXPECT_EQ(told<UpdateMetadataRequest>(1).size(), 1u);
}

TEST_F(ControllerTest, SessionLostInTheMiddleOfWorkIsSurvived) {
  broker_arrives(1);
  start();
  shards_.call([this] { zookeeper_.disconnect(); });
  topic_is_made("orders", {{1}});
  shards_.call([this] {
    zookeeper_.expire_session();
    controller_.start();
  });
  shards_.advance(1s);
  start();
  EXPECT_TRUE(is_active());
  EXPECT_EQ(state("orders", 0)->leader, 1);
}

TEST_F(ControllerTest, InterruptedWorkIsBegunAnewByWhoeverIsElectedThen) {
  broker_arrives(1);
  zookeeper_.fail_next(paths::kTopics, ZkCode::system_error);
  topic_is_made("orders", {{1}});
  start();
  EXPECT_FALSE(is_active());
  EXPECT_FALSE(zookeeper_.has(paths::kController)) << "nobody else could be elected";
  shards_.advance(1s);
  EXPECT_TRUE(is_active());
  EXPECT_EQ(state("orders", 0)->leader, 1);
}

// --- brokers ---

TEST_F(ControllerTest, BrokerThatComesIsToldEverythingAtOnce) {
  broker_arrives(1);
  topic_is_made("a", {{1}});
  topic_is_made("b", {{1}, {2}});
  state_is("b", 1, 2, 4, {2});
  start();
  forget();
  broker_arrives(2);
  // Its first picture is whole: from then on it answers clients.
  ASSERT_FALSE(told<UpdateMetadataRequest>(2).empty());
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(2)[0]), (Rows{"a-0:1/0", "b-0:1/0", "b-1:2/6"}));
  ASSERT_EQ(told<LeaderAndIsrRequest>(2).size(), 1u);
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(2)[0]), Rows{"b-1:2/6"});
  EXPECT_EQ(told_.front().broker == 2 ? told_.front().key : ApiKey::leader_and_isr, ApiKey::leader_and_isr);
  // The others hear of what changed.
  ASSERT_EQ(told<UpdateMetadataRequest>(1).size(), 1u);
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(1)[0]), Rows{"b-1:2/6"});
  EXPECT_EQ(told<UpdateMetadataRequest>(1)[0].live_brokers.size(), 2u);
}

TEST_F(ControllerTest, LeaderThatGoesIsReplacedByAnInSyncReplica) {
  broker_arrives(1);
  broker_arrives(2);
  topic_is_made("a", {{2, 1}});
  start();
  EXPECT_EQ(state("a", 0), (zk::PartitionState{2, 0, 1, {2, 1}}));
  forget();
  broker_goes(2);
  EXPECT_EQ(state("a", 0), (zk::PartitionState{1, 1, 1, {1}}));
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(1).at(0)), Rows{"a-0:1/1"});
  EXPECT_TRUE(told<UpdateMetadataRequest>(2).empty());
}

TEST_F(ControllerTest, BrokerThatCameBackBeforeItWasMissedIsToldEverythingAgain) {
  broker_arrives(1);
  broker_arrives(2);
  topic_is_made("a", {{2}});
  start();
  forget();
  shards_.call([this] {
    std::string registration = zookeeper_.data(paths::broker(2));
    zookeeper_.others_remove(paths::broker(2));
    zookeeper_.others_put(paths::broker(2), registration, true);
  });
  ASSERT_EQ(told<LeaderAndIsrRequest>(2).size(), 1u);
  EXPECT_EQ(told<LeaderAndIsrRequest>(2)[0].broker_epoch, zookeeper_.stat(paths::broker(2)).czxid);
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(2).at(0)), Rows{"a-0:2/0"});
}

TEST_F(ControllerTest, BrokerThatCannotBeReachedIsToldOnceItCan) {
  broker_arrives(1);
  network_.take_down(port_of(2));
  broker_arrives(2);
  topic_is_made("a", {{2}});
  start();
  shards_.advance(1s);
  EXPECT_TRUE(told<UpdateMetadataRequest>(2).empty());
  network_.bring_up(port_of(2));
  shards_.advance(1s);
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(2).at(0)), Rows{"a-0:2/0"});
  EXPECT_EQ(told<UpdateMetadataRequest>(2).size(), 1u);
}

// --- topics ---

TEST_F(ControllerTest, NewTopicGetsLeadersAndEverybodyIsTold) {
  broker_arrives(1);
  broker_arrives(2);
  start();
  forget();
  topic_is_made("orders", {{1}, {2}});
  EXPECT_EQ(state("orders", 0), (zk::PartitionState{1, 0, 1, {1}}));
  EXPECT_EQ(state("orders", 1), (zk::PartitionState{2, 0, 1, {2}}));
  ASSERT_EQ(told<LeaderAndIsrRequest>(2).size(), 1u);
  auto to_leader = told<LeaderAndIsrRequest>(2)[0];
  EXPECT_EQ(rows(to_leader), Rows{"orders-1:2/0"});
  EXPECT_TRUE(to_leader.topic_states[0].partition_states[0].is_new);
  EXPECT_EQ(to_leader.topic_states[0].topic_id, id_of("orders"));
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(1).at(0)), (Rows{"orders-0:1/0", "orders-1:2/0"}));
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(2).at(0)), (Rows{"orders-0:1/0", "orders-1:2/0"}));
}

TEST_F(ControllerTest, BurstOfTopicsIsMissedByNobody) {
  broker_arrives(1);
  start();
  shards_.call([this] {
    for (int i = 0; i < 50; ++i) {
      zk::TopicAssignment assignment;
      assignment.partitions[0].replicas = {1};
      zookeeper_.others_put(paths::topic("t" + std::to_string(i)), assignment.encode());
    }
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(state("t" + std::to_string(i), 0).has_value()) << i;
}

TEST_F(ControllerTest, AddedPartitionsGetLeadersToo) {
  broker_arrives(1);
  topic_is_made("orders", {{1}});
  start();
  forget();
  topic_is_made("orders", {{1}, {1}, {1}});
  EXPECT_EQ(state("orders", 2)->leader, 1);
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(1).at(0)), (Rows{"orders-1:1/0", "orders-2:1/0"}));
  forget();
  topic_is_made("orders", {{1}, {1}, {1}, {1}});
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(1).at(0)), Rows{"orders-3:1/0"});
}

TEST_F(ControllerTest, WhatAnInterruptedControllerLeftIsTakenUp) {
  broker_arrives(1);
  topic_is_made("a", {{1}, {1}, {1}});
  state_is("a", 0, 1, 3, {1});
  put(paths::partition("a", 1), "");  // without its state
  topic_is_made("wished-away", {{1}});
  put(paths::delete_topic("wished-away"), "");
  put(paths::delete_topic("never-was"), "");
  start();
  EXPECT_EQ(state("a", 0)->leader_epoch, 3);
  EXPECT_EQ(state("a", 1)->leader, 1);
  EXPECT_EQ(state("a", 2)->leader, 1);
  EXPECT_FALSE(zookeeper_.has(paths::topic("wished-away")));
  EXPECT_TRUE(zookeeper_.names_below(paths::kDeleteTopics).empty());
}

TEST_F(ControllerTest, CreationWhoseAnswerWasLostIsToldToTheBrokers) {
  broker_arrives(1);
  start();
  forget();
  shards_.call([this] {
    zk::TopicAssignment assignment;
    assignment.partitions[0].replicas = {1};
    assignment.topic_id = id_of("orders").to_string();
    zookeeper_.others_put(paths::topic("orders"), assignment.encode());
    // So that the next write that is done is that of the state.
    zookeeper_.others_put(paths::partitions("orders"), "");
    zookeeper_.fail_next(paths::partitions("orders"), ZkCode::node_exists);
    zookeeper_.lose_answer_of_next_multi();
  });
  ASSERT_FALSE(told<LeaderAndIsrRequest>(1).empty());
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(1).at(0)), Rows{"orders-0:1/0"});
}

// --- deletion ---

TEST_F(ControllerTest, DeletionStopsReplicasAndLeavesNothingInZooKeeper) {
  broker_arrives(1);
  broker_arrives(2);
  topic_is_made("orders", {{1}, {2}});
  put(paths::config("topics", "orders"), "{}");
  start();
  forget();
  put(paths::delete_topic("orders"), "");
  EXPECT_EQ(rows(told<UpdateMetadataRequest>(1).at(0)), (Rows{"orders-0:-2/-2", "orders-1:-2/-2"}));
  ASSERT_EQ(told<StopReplicaRequest>(2).size(), 1u);
  EXPECT_TRUE(told<StopReplicaRequest>(2)[0].topic_states[0].partition_states[0].delete_partition);
  EXPECT_FALSE(zookeeper_.has(paths::topic("orders")));
  EXPECT_FALSE(zookeeper_.has(paths::config("topics", "orders")));
  EXPECT_FALSE(zookeeper_.has(paths::delete_topic("orders")));
}

TEST_F(ControllerTest, TopicMadeAgainAfterItsDeletionIsANewOne) {
  broker_arrives(1);
  topic_is_made("orders", {{1}, {1}});
  start();
  put(paths::delete_topic("orders"), "");
  forget();
  topic_is_made("orders", {{1}});
  EXPECT_EQ(rows(told<LeaderAndIsrRequest>(1).at(0)), Rows{"orders-0:1/0"});
}

TEST_F(ControllerTest, DeletionWaitsForABrokerThatIsDown) {
  broker_arrives(1);
  broker_arrives(2);
  topic_is_made("orders", {{1, 2}});
  start();
  broker_goes(2);
  put(paths::delete_topic("orders"), "");
  EXPECT_TRUE(zookeeper_.has(paths::topic("orders")));
  broker_arrives(2);
  EXPECT_FALSE(zookeeper_.has(paths::topic("orders")));
}

TEST_F(ControllerTest, DeletionThatABrokerRefusedStaysWishedFor) {
  stop_replica_error_ = 56;
  broker_arrives(1);
  topic_is_made("orders", {{1}});
  start();
  put(paths::delete_topic("orders"), "");
  EXPECT_TRUE(zookeeper_.has(paths::topic("orders")));
  EXPECT_TRUE(zookeeper_.has(paths::delete_topic("orders")));
}

TEST_F(ControllerTest, PartitionsAddedToATopicThatIsBeingDeletedAreNotMade) {
  broker_arrives(1);
  topic_is_made("orders", {{2}});
  start();
  put(paths::delete_topic("orders"), "");
  forget();
  topic_is_made("orders", {{2}, {1}});
  EXPECT_TRUE(told<LeaderAndIsrRequest>(1).empty());
  EXPECT_FALSE(state("orders", 1).has_value());
}

TEST_F(ControllerTest, TopicWithoutPartitionsIsDeletedToo) {
  broker_arrives(1);
  topic_is_made("empty", {});
  start();
  put(paths::delete_topic("empty"), "");
  EXPECT_FALSE(zookeeper_.has(paths::topic("empty")));
}

TEST_F(ControllerTest, WishIsDroppedWhereDeletionIsNotEnabled) {
  BrokerConfig without = config_with({{"delete.topic.enable", "false"}});
  Controller strict{ControllerEnvironment{BrokerId(1), zookeeper_, network_, random_, shards_.clock(), without}};
  topic_is_made("orders", {{1}});
  put(paths::delete_topic("orders"), "");
  shards_.call([&] { strict.start(); });
  EXPECT_TRUE(zookeeper_.has(paths::topic("orders")));
  EXPECT_FALSE(zookeeper_.has(paths::delete_topic("orders")));
  auto stopped = shards_.start(stop(strict));
  shards_.advance(10ms);
  EXPECT_TRUE(stopped.has_ended());
}

}  // namespace
}  // namespace gregor
