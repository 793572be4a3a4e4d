#include "broker/controller/topic_admin.h"

#include "coordination_fixture.h"

#include "broker/types/error_code.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

class TopicAdminTest : public CoordinationTest {
 protected:
  TopicAdminTest() { know({}); }

  /// The broker's picture: one live broker, and `topics`.
  void know(std::vector<std::string> topics) {
    auto image = std::make_shared<ClusterImage>();
    std::map<BrokerId, BrokerImage> brokers;
    brokers[BrokerId(1)].id = BrokerId(1);
    image->set_brokers(brokers);
    for (const auto& name : topics) {
      auto topic = std::make_shared<TopicImage>();
      topic->name = name;
      topic->id = id_of(name);
      topic->partitions[0].leader = BrokerId(1);
      image->set_topic(std::move(topic));
    }
    shards_.run(publish(metadata_, std::move(image)));
  }
  static Task<bool> publish(MetadataCache& metadata, std::shared_ptr<const ClusterImage> image) {
    co_await metadata.publish(std::move(image));
    co_return true;
  }

  ErrorCode create(NewTopic topic, bool validate_only = false) {
    auto created = shards_.run(admin_.create(std::move(topic), validate_only));
    message_ = created ? "" : created.error().message;
    return created ? ErrorCode::none : kafka_code(created.error().code);
  }
  static NewTopic topic(std::string name, int32_t partitions = 1, int32_t replication_factor = 1) {
    NewTopic made;
    made.name = std::move(name);
    made.partitions = partitions;
    made.replication_factor = replication_factor;
    return made;
  }
  ErrorCode add_partitions(const std::string& name, int32_t count, std::vector<std::vector<BrokerId>> rows = {}) {
    auto added = shards_.run(admin_.add_partitions(name, count, std::move(rows), false));
    message_ = added ? "" : added.error().message;
    return added ? ErrorCode::none : kafka_code(added.error().code);
  }
  size_t partitions_of(const std::string& name) {
    return zk::TopicAssignment::decode(zookeeper_.data(paths::topic(name)))->partitions.size();
  }

  MetadataCache metadata_{shards_.all()};
  LiveConfig config_{shards_.all(), config_with({{"num.partitions", "3"}})};
  TopicAdmin admin_{zookeeper_, metadata_, config_, random_};
  std::string message_;
};

TEST_F(TopicAdminTest, CreationWritesAssignmentAndConfig) {
  NewTopic wanted = topic("orders", 2);
  wanted.configs["retention.ms"] = "1000";
  auto created = shards_.run(admin_.create(wanted, false));
  ASSERT_TRUE(created.ok());
  auto znode = zk::TopicAssignment::decode(zookeeper_.data(paths::topic("orders")));
  ASSERT_TRUE(znode.ok());
  EXPECT_EQ(znode->topic_id, created->id.to_string());
  EXPECT_EQ(znode->partitions.size(), 2u);
  EXPECT_EQ(znode->partitions.at(1).replicas, std::vector<int32_t>{1});
  EXPECT_EQ(zookeeper_.data(paths::config("topics", "orders")),
            R"({"version":1,"config":{"retention.ms":"1000"}})");
}

TEST_F(TopicAdminTest, MinusOneStandsForTheBrokersDefaults) {
  auto created = shards_.run(admin_.create(topic("orders", -1, -1), false));
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->partitions, 3);
  EXPECT_EQ(created->replication_factor, 1);
}

TEST_F(TopicAdminTest, ValidationAloneWritesNothing) {
  EXPECT_EQ(create(topic("orders"), true), ErrorCode::none);
  EXPECT_FALSE(zookeeper_.has(paths::topic("orders")));
}

TEST_F(TopicAdminTest, RefusalsCarryKafkasCodes) {
  know({"known", "a.b"});
  put(paths::topic("written"), "{}");
  EXPECT_EQ(create(topic("no spaces")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(create(topic("known")), ErrorCode::topic_already_exists);
  EXPECT_EQ(create(topic("written")), ErrorCode::topic_already_exists);
  EXPECT_EQ(create(topic("written"), true), ErrorCode::topic_already_exists);
  EXPECT_EQ(create(topic("a_b")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(create(topic("t", 0)), ErrorCode::invalid_partitions);
  EXPECT_EQ(create(topic("t", -2)), ErrorCode::invalid_partitions);
  EXPECT_EQ(create(topic("t", INT32_MAX)), ErrorCode::invalid_partitions);
  EXPECT_EQ(create(topic("t", 1, 0)), ErrorCode::invalid_replication_factor);
  EXPECT_EQ(create(topic("t", 1, 2)), ErrorCode::invalid_replication_factor);
  NewTopic bad_config = topic("t");
  bad_config.configs["retention.ms"] = "soon";
  EXPECT_EQ(create(bad_config), ErrorCode::invalid_config);
  EXPECT_FALSE(zookeeper_.has(paths::topic("t")));
}

TEST_F(TopicAdminTest, AssignmentByHandIsChecked) {
  auto with = [](std::map<int32_t, std::vector<BrokerId>> rows) {
    NewTopic made = topic("t", -1, -1);
    made.assignment = std::move(rows);
    return made;
  };
  EXPECT_EQ(create(with({{0, ids({1})}, {1, ids({1})}})), ErrorCode::none);
  EXPECT_EQ(create(with({{1, ids({1})}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(create(with({{0, ids({1})}, {2, ids({1})}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(create(with({{0, ids({})}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(create(with({{0, ids({1, 1})}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(create(with({{0, ids({9})}})), ErrorCode::invalid_replica_assignment);
  NewTopic both = with({{0, ids({1})}});
  both.partitions = 1;
  EXPECT_EQ(create(both), ErrorCode::invalid_request);
}

TEST_F(TopicAdminTest, ConfigLeftByATopicOfThatNameIsReplaced) {
  put(paths::config("topics", "orders"), R"({"version":1,"config":{"retention.ms":"5"}})");
  EXPECT_EQ(create(topic("orders")), ErrorCode::none);
  EXPECT_EQ(zookeeper_.data(paths::config("topics", "orders")), R"({"version":1,"config":{}})");
}

TEST_F(TopicAdminTest, CreationWhoseAnswerWasLostSucceeds) {
  zookeeper_.lose_answer_of_next_multi();
  EXPECT_EQ(create(topic("orders")), ErrorCode::none) << message_;
}

TEST_F(TopicAdminTest, PartitionsAreAddedBehindThoseThatThereAre) {
  topic_is_made("orders", {{1}});
  EXPECT_EQ(add_partitions("orders", 3), ErrorCode::none);
  EXPECT_EQ(partitions_of("orders"), 3u);
  EXPECT_EQ(add_partitions("orders", 4, {ids({1})}), ErrorCode::none);
  EXPECT_EQ(partitions_of("orders"), 4u);
}

TEST_F(TopicAdminTest, AdditionIsRefusedWithKafkasCodes) {
  topic_is_made("orders", {{1}, {1}});
  EXPECT_EQ(add_partitions("nothing", 3), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(add_partitions("orders", 2), ErrorCode::invalid_partitions);
  EXPECT_EQ(message_, "Topic already has 2 partitions.");
  EXPECT_EQ(add_partitions("orders", 1), ErrorCode::invalid_partitions);
  EXPECT_EQ(add_partitions("orders", INT32_MAX), ErrorCode::invalid_partitions);
  EXPECT_EQ(add_partitions("orders", 4, {ids({1})}), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(add_partitions("orders", 3, {ids({9})}), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(partitions_of("orders"), 2u);
}

TEST_F(TopicAdminTest, AssignmentWithoutPartitionsIsNoReasonToFall) {
  topic_is_made("empty", {});
  EXPECT_EQ(add_partitions("empty", 2), ErrorCode::invalid_partitions);
}

TEST_F(TopicAdminTest, AdditionWhoseAnswerWasLostSucceeds) {
  topic_is_made("orders", {{1}});
  zookeeper_.lose_answer_of_next_multi();
  EXPECT_EQ(add_partitions("orders", 2), ErrorCode::none) << message_;
}

TEST_F(TopicAdminTest, DeletionIsAWishAndWaitsUntilTheTopicIsGone) {
  know({"orders"});
  topic_is_made("orders", {{1}});
  EXPECT_TRUE(shards_.run(admin_.request_deletion("orders")).ok());
  EXPECT_TRUE(zookeeper_.has(paths::delete_topic("orders")));
  EXPECT_TRUE(shards_.run(admin_.request_deletion("orders")).ok()) << "wished for already";
  auto gone = shards_.start(admin_.wait_until_deleted("orders", id_of("orders"), shards_.clock().now() + 10s, {}));
  EXPECT_FALSE(gone.has_ended());
  remove(paths::topic("orders"));
  EXPECT_TRUE(gone.value());
}

TEST_F(TopicAdminTest, TopicMadeAgainUnderTheNameCountsAsDeleted) {
  topic_is_made("orders", {{1}});
  auto gone = shards_.start(admin_.wait_until_deleted("orders", id_of("earlier"), shards_.clock().now() + 10s, {}));
  EXPECT_TRUE(gone.value());
}

TEST_F(TopicAdminTest, WaitForADeletionEndsAtItsDeadlineAndWhenTheClientIsGone) {
  topic_is_made("orders", {{1}});
  auto timed = shards_.start(admin_.wait_until_deleted("orders", id_of("orders"), shards_.clock().now() + 3s, {}));
  shards_.advance(2999ms);
  EXPECT_FALSE(timed.has_ended());
  shards_.advance(1ms);
  EXPECT_FALSE(timed.value());
  std::stop_source gone;
  auto left = shards_.start(
      admin_.wait_until_deleted("orders", id_of("orders"), shards_.clock().now() + 1h, gone.get_token()));
  gone.request_stop();
  shards_.advance(1s);
  ASSERT_TRUE(left.has_ended());
  EXPECT_FALSE(left.value());
}

TEST_F(TopicAdminTest, DeletionOfAnUnknownTopicIsRefused) {
  auto refused = shards_.run(admin_.request_deletion("nothing"));
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().is(ErrorCode::unknown_topic_or_partition));
}

}  // namespace
}  // namespace gregor
