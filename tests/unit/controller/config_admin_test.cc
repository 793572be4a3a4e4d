#include "broker/controller/config_admin.h"

#include <gmock/gmock.h>

#include "broker/types/error_code.h"
#include "coordination_fixture.h"
#include "zk-schema/config.h"

namespace gregor {
namespace {

using ::testing::HasSubstr;
using Kind = ConfigOperation::Kind;
using Type = ConfigResourceType;

/// Broker 1 of a cluster with the topic "orders".
class ConfigAdminTest : public CoordinationTest {
 protected:
  ConfigAdminTest() {
    auto image = std::make_shared<ClusterImage>();
    auto topic = std::make_shared<TopicImage>();
    topic->name = "orders";
    image->set_topic(std::move(topic));
    shards_.run(publish(metadata_, std::move(image)));
    topic_is_made("orders", {{1}});
  }
  static Task<bool> publish(MetadataCache& metadata, std::shared_ptr<const ClusterImage> image) {
    co_await metadata.publish(std::move(image));
    co_return true;
  }
  ErrorCode replace(ConfigResource resource, Properties wanted, bool validate_only = false) {
    return code_of(shards_.run(admin_.replace(std::move(resource), std::move(wanted), validate_only)));
  }
  ErrorCode alter(ConfigResource resource, std::vector<ConfigOperation> operations, bool validate_only = false) {
    return code_of(shards_.run(admin_.alter(std::move(resource), std::move(operations), validate_only)));
  }
  ErrorCode code_of(const Result<void>& outcome) {
    message_ = outcome ? "" : outcome.error().message;
    return outcome ? ErrorCode::none : kafka_code(outcome.error().code);
  }
  std::string config_of(const std::string& entity) { return zookeeper_.data("/config/" + entity); }
  /// What was told since the last time.
  std::vector<std::string> told() {
    std::vector<std::string> entities;
    auto names = zookeeper_.names_below("/config/changes");
    std::sort(names.begin(), names.end());
    for (size_t i = told_; i < names.size(); ++i) {
      entities.push_back(zk::ConfigChange::decode(zookeeper_.data("/config/changes/" + names[i]))->entity_path);
    }
    told_ = names.size();
    return entities;
  }

  const ConfigResource orders_{Type::topic, "orders"};
  const ConfigResource self_{Type::broker, "1"};
  const ConfigResource cluster_{Type::broker, ""};
  MetadataCache metadata_{shards_.all()};
  BrokerConfig started_with_ = config_with({{"password.encoder.secret", "s"}});
  LiveConfig live_{shards_.all(), started_with_};
  DynamicConfig dynamic_{started_with_, live_};
  ConfigAdmin admin_{BrokerId(1), zookeeper_, metadata_, live_, dynamic_};
  std::string message_;
  size_t told_ = 0;
};

TEST_F(ConfigAdminTest, ReplacesEverythingAndTellsTheBrokers) {
  EXPECT_EQ(replace(orders_, {{"retention.ms", "5"}, {"segment.bytes", "100"}}), ErrorCode::none);
  EXPECT_EQ(config_of("topics/orders"), R"({"version":1,"config":{"retention.ms":"5","segment.bytes":"100"}})");
  EXPECT_EQ(told(), std::vector<std::string>{"topics/orders"});
  EXPECT_EQ(replace(orders_, {{"retention.ms", "6"}}), ErrorCode::none);
  EXPECT_EQ(config_of("topics/orders"), R"({"version":1,"config":{"retention.ms":"6"}})");
}

TEST_F(ConfigAdminTest, WritesABrokersOptionsAndTheClusters) {
  EXPECT_EQ(replace(self_, {{"message.max.bytes", "5"}}), ErrorCode::none);
  EXPECT_EQ(replace(cluster_, {{"message.max.bytes", "6"}}), ErrorCode::none);
  EXPECT_EQ(config_of("brokers/1"), R"({"version":1,"config":{"message.max.bytes":"5"}})");
  EXPECT_EQ(config_of("brokers/<default>"), R"({"version":1,"config":{"message.max.bytes":"6"}})");
  EXPECT_EQ(told(), (std::vector<std::string>{"brokers/1", "brokers/<default>"}));
}

TEST_F(ConfigAdminTest, TheFourOperations) {
  EXPECT_EQ(alter(orders_, {{"cleanup.policy", Kind::append, "compact"}, {"segment.ms", Kind::set, "7"}}),
            ErrorCode::none);
  EXPECT_EQ(config_of("topics/orders"),
            R"({"version":1,"config":{"cleanup.policy":"delete,compact","segment.ms":"7"}})");
  EXPECT_EQ(alter(orders_, {{"cleanup.policy", Kind::append, "compact"}}), ErrorCode::none);
  EXPECT_EQ(alter(orders_, {{"cleanup.policy", Kind::subtract, "delete"}, {"segment.ms", Kind::remove, ""}}),
            ErrorCode::none);
  EXPECT_EQ(config_of("topics/orders"), R"({"version":1,"config":{"cleanup.policy":"compact"}})");
}

TEST_F(ConfigAdminTest, OnlyListsTakeMoreOrLess) {
  EXPECT_EQ(alter(orders_, {{"segment.ms", Kind::append, "1"}}), ErrorCode::invalid_config);
  EXPECT_EQ(message_, "Config value append is not allowed for config key: segment.ms");
  EXPECT_EQ(alter(self_, {{"message.max.bytes", Kind::subtract, "1"}}), ErrorCode::invalid_config);
  EXPECT_EQ(message_, "Config value subtract is not allowed for config key: message.max.bytes");
  EXPECT_EQ(alter(orders_, {{"no.such", Kind::append, "1"}}), ErrorCode::invalid_config);
  EXPECT_TRUE(told().empty());
}

TEST_F(ConfigAdminTest, ValidationAloneWritesNothing) {
  EXPECT_EQ(alter(orders_, {{"segment.ms", Kind::set, "7"}}, true), ErrorCode::none);
  EXPECT_EQ(replace(self_, {{"message.max.bytes", "7"}}, true), ErrorCode::none);
  EXPECT_EQ(replace(self_, {{"message.max.bytes", "-7"}}, true), ErrorCode::invalid_request);
  EXPECT_EQ(config_of("topics/orders"), "");
  EXPECT_EQ(config_of("brokers/1"), "");
  EXPECT_TRUE(told().empty());
}

TEST_F(ConfigAdminTest, RefusesWithKafkasCodesAndWords) {
  EXPECT_EQ(replace(orders_, {{"no.such", "1"}}), ErrorCode::invalid_config);
  EXPECT_EQ(message_, "Unknown topic config name: no.such");
  EXPECT_EQ(replace(orders_, {{"segment.ms", "soon"}}), ErrorCode::invalid_config);
  EXPECT_THAT(message_, HasSubstr("Invalid config value for resource ConfigResource(type=TOPIC, name='orders'): "
                                  "Invalid value soon for configuration segment.ms"));
  EXPECT_EQ(replace({Type::topic, "nowhere"}, {}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(message_, "The topic 'nowhere' does not exist.");
  EXPECT_EQ(replace({Type::topic, ""}, {}), ErrorCode::invalid_request);
  EXPECT_EQ(message_, "Default topic resources are not allowed.");
  EXPECT_EQ(replace({Type::broker, "2"}, {}), ErrorCode::invalid_request);
  EXPECT_EQ(message_, "Unexpected broker id, expected 1, but received 2");
  EXPECT_EQ(replace({Type::broker, "one"}, {}), ErrorCode::invalid_request);
  EXPECT_EQ(message_, "Node id must be an integer, but it is: one");
  EXPECT_EQ(replace({Type::client_metrics, "x"}, {}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(self_, {{"broker.rack", Kind::set, "a"}}), ErrorCode::invalid_request);
  EXPECT_EQ(message_, "Cannot update these configs dynamically: Set(broker.rack)");
}

TEST_F(ConfigAdminTest, PasswordsAreEncryptedAndReadBack) {
  EXPECT_EQ(alter(self_, {{"listener.name.a.ssl.key.password", Kind::set, "hidden"}}), ErrorCode::none);
  EXPECT_EQ(alter(self_, {{"message.max.bytes", Kind::set, "9"}}), ErrorCode::none);
  EXPECT_THAT(config_of("brokers/1"), HasSubstr("encryptedPassword:"));
  EXPECT_THAT(config_of("brokers/1"), HasSubstr(R"("message.max.bytes":"9")"));
  EXPECT_EQ(config_of("brokers/1").find("hidden"), std::string::npos);
}

TEST_F(ConfigAdminTest, ALostAnswerIsNoFailure) {
  shards_.call([&] { zookeeper_.lose_answer_of_next_multi(); });
  EXPECT_EQ(alter(orders_, {{"segment.ms", Kind::set, "7"}}), ErrorCode::none);
  EXPECT_EQ(config_of("topics/orders"), R"({"version":1,"config":{"segment.ms":"7"}})");
}

TEST_F(ConfigAdminTest, ATopicOnItsWayOutGetsNoConfigurationBack) {
  remove(paths::topic("orders"));
  EXPECT_EQ(replace(orders_, {{"segment.ms", "7"}}), ErrorCode::unknown_topic_or_partition);
  EXPECT_FALSE(zookeeper_.has("/config/topics/orders"));
}

}  // namespace
}  // namespace gregor
