#include "broker/config/broker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/options.h"
#include "broker/types/error_code.h"
#include "config_under_test.h"

namespace gregor {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BrokerConfig, HasKafkasDefaults) {
  BrokerConfig config = loaded({});
  EXPECT_EQ(config.get(options::message_max_bytes), 1048588);
  EXPECT_EQ(config.get(options::log_segment_bytes), 1 << 30);
  EXPECT_EQ(config.get(options::log_roll_ms), std::nullopt);
  EXPECT_EQ(config.get(options::connections_max_idle_ms), 600000);
  EXPECT_EQ(config.get(options::log_cleanup_policy), std::vector<std::string>{"delete"});
  EXPECT_FALSE(config.get(options::unclean_leader_election_enable));
  EXPECT_EQ(config.get(options::broker_rack), std::nullopt);
  EXPECT_THAT(config.warnings(), IsEmpty());
}

TEST(BrokerConfig, LetsOverridesReplaceProperties) {
  auto config = BrokerConfig::load({{"zookeeper.connect", "zk:2181"}, {"num.partitions", "2"}},
                                   {{"num.partitions", "7"}}, test_host_name);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->get(options::num_partitions), 7);
  EXPECT_EQ(config->get(options::zookeeper_connect), "zk:2181");
}

TEST(BrokerConfig, TakesTheFinestUnitThatIsSet) {
  EXPECT_EQ(loaded({}).effective(options::log_retention_ms), 168 * 3600000LL);
  EXPECT_EQ(loaded({{"log.retention.hours", "1"}}).effective(options::log_retention_ms), 3600000);
  EXPECT_EQ(
      loaded({{"log.retention.hours", "1"}, {"log.retention.minutes", "2"}}).effective(options::log_retention_ms),
      120000);
  EXPECT_EQ(
      loaded({{"log.retention.minutes", "2"}, {"log.retention.ms", "3"}}).effective(options::log_retention_ms), 3);
  EXPECT_EQ(loaded({{"log.roll.hours", "2"}}).effective(options::log_roll_ms), 7200000);
  EXPECT_EQ(loaded({{"log.flush.scheduler.interval.ms", "5"}}).effective(options::log_flush_interval_ms), 5);
}

TEST(BrokerConfig, TakesOtherOptionsWhereOneIsUnset) {
  BrokerConfig config =
      loaded({{"zookeeper.session.timeout.ms", "9"}, {"log.message.timestamp.difference.max.ms", "8"}});
  EXPECT_EQ(config.effective(options::zookeeper_connection_timeout_ms), 9);
  EXPECT_EQ(config.effective(options::log_message_timestamp_before_max_ms), 8);
  EXPECT_THAT(config.log_dirs(), ElementsAre("/tmp/kafka-logs"));
  EXPECT_THAT(loaded({{"log.dir", "/one"}, {"log.dirs", "/a, /b"}}).log_dirs(), ElementsAre("/a", "/b"));
}

TEST(BrokerConfig, RefusesABadValue) {
  EXPECT_EQ(refusal({{"num.partitions", "abc"}}),
            "Invalid value abc for configuration num.partitions: must be an integer of at least 1");
  EXPECT_TRUE(load({{"num.partitions", "abc"}}).error().is(ErrorCode::invalid_config));
}

TEST(BrokerConfig, NeedsZooKeeper) {
  auto config = BrokerConfig::load({}, {}, test_host_name);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().message, HasSubstr("Missing required configuration zookeeper.connect"));
}

TEST(BrokerConfig, WarnsOfUnknownKeysButNotOfPlugIns) {
  BrokerConfig config = loaded({{"num.partition", "1"}, {"listener.name.internal.ssl.protocol", "TLSv1.3"}});
  EXPECT_THAT(config.warnings(),
              ElementsAre("unknown option, ignored option=num.partition did_you_mean=num.partitions"));
}

TEST(BrokerConfig, SuggestsAnOptionOnlyWhereTheNameIsNearly) {
  auto warning = [](const char* key) { return loaded({{key, "1"}}).warnings().at(0); };
  EXPECT_THAT(warning("log.retention.hour"), testing::EndsWith("did_you_mean=log.retention.hours"));
  EXPECT_THAT(warning("Message_Max_Bytes"), testing::EndsWith("did_you_mean=message.max.bytes"));
  EXPECT_THAT(warning("auto.create.topic.enabled"), testing::EndsWith("did_you_mean=auto.create.topics.enable"));
  EXPECT_THAT(warning("my.own.thing"), testing::EndsWith("option=my.own.thing"));
  EXPECT_THAT(warning("x"), testing::EndsWith("option=x"));
}

TEST(BrokerConfig, NamesTheOptionThatWasSet) {
  EXPECT_EQ(refusal({{"log.retention.hours", "0"}}),
            "Invalid value 0 for configuration log.retention.hours: must be an integer of at least 1 or -1");
  EXPECT_EQ(refusal({{"log.retention.minutes", "0"}}),
            "Invalid value 0 for configuration log.retention.minutes: must be an integer of at least 1 or -1");
  EXPECT_EQ(refusal({{"log.retention.ms", "0"}, {"log.retention.hours", "5"}}),
            "Invalid value 0 for configuration log.retention.ms: must be an integer of at least 1 or -1");
}

TEST(BrokerConfig, NamesThePortThatIsNone) {
  EXPECT_EQ(
      refusal({{"listeners", "PLAINTEXT://:99999"}}),
      "Invalid value PLAINTEXT://:99999 for configuration listeners: the port of PLAINTEXT://:99999 must be from "
      "0 to 65535");
  EXPECT_THAT(
      refusal({{"advertised.listeners", "PLAINTEXT://h:70000"}}),
      HasSubstr("configuration advertised.listeners: the port of PLAINTEXT://h:70000 must be from 0 to 65535"));
  EXPECT_THAT(refusal({{"gregor.http.listener", "127.0.0.1:65536"}}),
              HasSubstr("configuration gregor.http.listener: the port of 127.0.0.1:65536 must be from 0 to 65535"));
}

TEST(BrokerConfig, WarnsOnceOfOptionsWithoutEffect) {
  BrokerConfig config = loaded({{"num.io.threads", "4"}, {"metric.reporters", "a.B"}});
  EXPECT_THAT(config.warnings(), ElementsAre("options without effect yet options=metric.reporters,num.io.threads"));
}

TEST(BrokerConfig, WarnsThatRecordsAreNotCompactedNorCopiedAway) {
  EXPECT_THAT(loaded({{"log.cleanup.policy", "delete,compact"}}).warnings(),
              ElementsAre("topics without a cleanup.policy of their own keep every record, compaction is not there "
                          "yet log.cleanup.policy=delete,compact"));
  EXPECT_THAT(loaded({{"remote.log.storage.system.enable", "true"}}).warnings(),
              Contains(HasSubstr("tiered storage is not there yet")));
}

TEST(BrokerConfig, RefusesToIgnoreWhatSomebodyCountsOn) {
  EXPECT_EQ(
      refusal({{"authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"}}),
      "Invalid value kafka.security.authorizer.AclAuthorizer for configuration authorizer.class.name: must be "
      "unset so far: the protection that it asks for is not there yet, and the broker does not start as if it "
      "were");
  for (const char* key : {"zookeeper.set.acl", "zookeeper.ssl.client.enable"}) {
    EXPECT_THAT(refusal({{key, "true"}}),
                HasSubstr(std::string("Invalid value true for configuration ") + key + ": must be false so far"));
  }
  for (const char* key :
       {"create.topic.policy.class.name", "alter.config.policy.class.name", "client.quota.callback.class"}) {
    EXPECT_THAT(refusal({{key, "a.B"}}), HasSubstr(std::string("configuration ") + key + ": must be unset so far"));
  }
  for (const char* listener : {"SSL", "SASL_PLAINTEXT", "SASL_SSL"}) {
    EXPECT_THAT(refusal({{"listeners", std::string(listener) + "://:9093"}}),
                HasSubstr("only PLAINTEXT is supported so far"));
  }
}

TEST(BrokerConfig, TakesOptionsThatAskForNoProtection) {
  BrokerConfig config = loaded(
      {{"authorizer.class.name", ""}, {"zookeeper.set.acl", "false"}, {"create.topic.policy.class.name", ""}});
  EXPECT_EQ(config.get(options::authorizer_class_name), "");
}

TEST(BrokerConfig, TakesNodeIdForBrokerId) {
  auto config = BrokerConfig::load({{"zookeeper.connect", "zk:2181"}, {"node.id", "4"}}, {}, test_host_name);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->get(options::broker_id), 4);
  EXPECT_THAT(refusal({{"broker.id", "4"}, {"node.id", "5"}}), HasSubstr("must be the same as node.id"));
}

TEST(BrokerConfig, KeepsIdsBelowTheGeneratedOnes) {
  EXPECT_EQ(refusal({{"broker.id", "1000"}}), "");
  EXPECT_THAT(refusal({{"broker.id", "1001"}}), HasSubstr("from -1 to 1000"));
  EXPECT_EQ(refusal({{"broker.id", "1001"}, {"broker.id.generation.enable", "false"}}), "");
  EXPECT_THAT(refusal({{"broker.id", "-1"}, {"broker.id.generation.enable", "false"}}), HasSubstr("of at least 0"));
}

TEST(BrokerConfig, ChecksOptionsAgainstEachOther) {
  EXPECT_THAT(refusal({{"log.roll.ms", "0"}}), HasSubstr("configuration log.roll.ms"));
  EXPECT_THAT(refusal({{"log.retention.hours", "0"}}), HasSubstr("configuration log.retention.hours"));
  EXPECT_EQ(refusal({{"log.retention.hours", "-1"}}), "");
  EXPECT_THAT(refusal({{"log.dirs", " , "}}), HasSubstr("at least one directory"));
  EXPECT_THAT(refusal({{"log.cleaner.threads", "128"}}), HasSubstr("log.cleaner.dedupe.buffer.size"));
  EXPECT_THAT(refusal({{"queued.max.request.bytes", "100"}}),
              HasSubstr("must be at least socket.request.max.bytes"));
  EXPECT_THAT(refusal({{"replica.fetch.wait.max.ms", "30001"}}),
              HasSubstr("must be at most replica.socket.timeout.ms"));
  EXPECT_THAT(refusal({{"connections.max.idle.ms", "100"}}),
              HasSubstr("must be less than connections.max.idle.ms"));
}

TEST(BrokerConfig, NamesTheMachineByDefault) { EXPECT_NE(canonical_host_name(), ""); }

}  // namespace
}  // namespace gregor
