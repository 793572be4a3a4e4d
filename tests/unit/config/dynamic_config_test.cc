#include "broker/config/dynamic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/describe.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/config/topic_config.h"
#include "broker/types/error_code.h"
#include "config_under_test.h"
#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Level = DynamicLevel;

/// The dynamic options of a broker on two shards, started with message.max.bytes=100 and num.io.threads=8.
class DynamicConfigTest : public ::testing::Test {
 protected:
  Result<void> set(Level level, Properties properties) {
    return shards_.run(dynamic_.set(level, std::move(properties)));
  }
  /// Why `wanted` is refused; empty when it is not. It must be refused as a change, too, and change nothing.
  std::string refusal(Level level, const Properties& wanted) {
    auto checked = shards_.call([&] { return dynamic_.check(level, wanted); });
    return checked ? "" : checked.error().message;
  }
  template <class T>
  T value(BrokerOption<T> option, size_t shard = 0) {
    return shards_.call([&] { return live_.get().get(option); }, shard);
  }
  ConfigEntry described(const std::string& name) {
    return shards_.call([&] {
      for (auto& entry : describe_broker(live_.get())) {
        if (entry.name == name) return entry;
      }
      return ConfigEntry{};
    });
  }

  testing::ManualShards shards_{2};
  BrokerConfig started_with_ = loaded({{"message.max.bytes", "100"}, {"log.roll.hours", "2"}});
  LiveConfig live_{shards_.all(), started_with_};
  DynamicConfig dynamic_{started_with_, live_};
};

TEST_F(DynamicConfigTest, ABrokersOwnValueCountsBeforeTheClustersAndThatBeforeTheFiles) {
  EXPECT_EQ(value(options::message_max_bytes), 100);
  ASSERT_TRUE(set(Level::cluster, {{"message.max.bytes", "200"}}).ok());
  EXPECT_EQ(value(options::message_max_bytes), 200);
  ASSERT_TRUE(set(Level::broker, {{"message.max.bytes", "300"}}).ok());
  EXPECT_EQ(value(options::message_max_bytes), 300);
  EXPECT_EQ(value(options::message_max_bytes, 1), 300) << "on every shard";
  ASSERT_TRUE(set(Level::broker, {}).ok());
  EXPECT_EQ(value(options::message_max_bytes), 200);
  ASSERT_TRUE(set(Level::cluster, {}).ok());
  EXPECT_EQ(value(options::message_max_bytes), 100);
}

TEST_F(DynamicConfigTest, SynonymsAreListedFromTheStrongestPlaceToTheDefault) {
  ASSERT_TRUE(set(Level::cluster, {{"message.max.bytes", "200"}}).ok());
  ASSERT_TRUE(set(Level::broker, {{"message.max.bytes", "300"}}).ok());
  ConfigEntry entry = described("message.max.bytes");
  EXPECT_EQ(entry.value, "300");
  EXPECT_EQ(entry.source, ConfigSource::dynamic_broker);
  EXPECT_THAT(entry.synonyms,
              ElementsAre(ConfigSynonym{"message.max.bytes", "300", ConfigSource::dynamic_broker},
                          ConfigSynonym{"message.max.bytes", "200", ConfigSource::dynamic_default_broker},
                          ConfigSynonym{"message.max.bytes", "100", ConfigSource::static_broker},
                          ConfigSynonym{"message.max.bytes", "1048588", ConfigSource::default_config}));
}

TEST_F(DynamicConfigTest, ADynamicTimeTakesThePlaceOfTheFilesInAnotherUnit) {
  shards_.call([&] { EXPECT_EQ(live_.get().effective(options::log_roll_ms), 2 * 3600 * 1000); });
  ASSERT_TRUE(set(Level::cluster, {{"log.roll.ms", "5000"}}).ok());
  shards_.call([&] { EXPECT_EQ(live_.get().effective(options::log_roll_ms), 5000); });
  EXPECT_THAT(described("log.roll.ms").synonyms,
              ElementsAre(ConfigSynonym{"log.roll.ms", "5000", ConfigSource::dynamic_default_broker},
                          ConfigSynonym{"log.roll.hours", "2", ConfigSource::static_broker},
                          ConfigSynonym{"log.roll.hours", "168", ConfigSource::default_config}));
}

TEST_F(DynamicConfigTest, TheClustersOptionsAreDescribedByThemselves) {
  ASSERT_TRUE(set(Level::broker, {{"min.insync.replicas", "2"}}).ok());
  ASSERT_TRUE(set(Level::cluster, {{"message.max.bytes", "200"}}).ok());
  auto entries = shards_.call([&] { return describe_cluster(live_.get()); });
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].value, "200");
  EXPECT_EQ(entries[0].source, ConfigSource::dynamic_default_broker);
  EXPECT_THAT(entries[0].synonyms,
              ElementsAre(ConfigSynonym{"message.max.bytes", "200", ConfigSource::dynamic_default_broker}));
}

TEST_F(DynamicConfigTest, AListenersOwnValueCountsForThatListenerOnly) {
  ASSERT_TRUE(
      set(Level::cluster, {{"max.connections", "50"}, {"listener.name.plaintext.max.connections", "7"}}).ok());
  auto config = shards_.call([&] { return live_.snapshot(); });
  EXPECT_EQ(config->get_for("PLAINTEXT", options::max_connections), 7);
  EXPECT_EQ(config->get_for("OTHER", options::max_connections), 50);
}

TEST_F(DynamicConfigTest, RefusesInKafkasWords) {
  EXPECT_EQ(refusal(Level::broker, {{"broker.rack", "a"}, {"log.dirs", "/x"}}),
            "Cannot update these configs dynamically: Set(broker.rack, log.dirs)");
  EXPECT_EQ(refusal(Level::cluster, {{"advertised.listeners", "PLAINTEXT://x:1"}}),
            "Cannot update these configs at default cluster level, broker id must be specified: "
            "Set(advertised.listeners)");
  EXPECT_EQ(refusal(Level::cluster, {{"listener.name.a.ssl.keystore.location", "/x"}}),
            "Cannot update these configs at default cluster level, broker id must be specified: "
            "Set(listener.name.a.ssl.keystore.location)");
  EXPECT_EQ(refusal(Level::broker, {{"ssl.keystore.location", "/x"}}),
            "These security configs can be dynamically updated only per-listener using the listener prefix: "
            "Set(ssl.keystore.location)");
  EXPECT_THAT(refusal(Level::broker, {{"message.max.bytes", "much"}}), HasSubstr("message.max.bytes"));
  EXPECT_THAT(refusal(Level::broker,
                      {{"log.cleaner.min.compaction.lag.ms", "9"}, {"log.cleaner.max.compaction.lag.ms", "8"}}),
              HasSubstr("log.cleaner.min.compaction.lag.ms"));
}

TEST_F(DynamicConfigTest, TakesKeysThatOnlyAPlugInKnows) {
  EXPECT_EQ(refusal(Level::cluster, {{"my.reporter.host", "x"}}), "");
}

TEST_F(DynamicConfigTest, ThreadsAtMostDoubleOrHalve) {
  EXPECT_EQ(refusal(Level::cluster, {{"num.io.threads", "16"}}), "");
  EXPECT_EQ(refusal(Level::cluster, {{"num.io.threads", "4"}}), "");
  EXPECT_EQ(refusal(Level::cluster, {{"num.io.threads", "17"}}),
            "Dynamic thread count update validation failed for num.io.threads=17, value should not be greater than "
            "double the current value 8");
  EXPECT_EQ(refusal(Level::cluster, {{"num.io.threads", "3"}}),
            "Dynamic thread count update validation failed for num.io.threads=3, value should be at least half the "
            "current value 8");
  EXPECT_EQ(refusal(Level::broker, {{"log.cleaner.threads", "3"}}),
            "Log cleaner threads cannot be increased to more than double the current value 1");
  ASSERT_TRUE(set(Level::cluster, {{"num.io.threads", "16"}}).ok());
  EXPECT_EQ(refusal(Level::cluster, {{"num.io.threads", "32"}}), "") << "the present value is what counts";
}

TEST_F(DynamicConfigTest, LocalRetentionStaysWithinTheWhole) {
  EXPECT_THAT(refusal(Level::cluster, {{"log.retention.ms", "10"}, {"log.local.retention.ms", "11"}}),
              HasSubstr("Value must not be more than log.retention.ms property value: 10"));
  EXPECT_EQ(refusal(Level::cluster, {{"log.retention.ms", "10"}, {"log.local.retention.ms", "-2"}}), "");
}

TEST_F(DynamicConfigTest, ARefusedChangeChangesNothing) {
  ASSERT_TRUE(set(Level::cluster, {{"message.max.bytes", "200"}}).ok());
  auto refused = set(Level::cluster, {{"message.max.bytes", "300"}, {"num.io.threads", "100"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().is(ErrorCode::invalid_config));
  EXPECT_EQ(value(options::message_max_bytes), 200);
}

TEST_F(DynamicConfigTest, WhoeverActsOnAnOptionHearsOfItWhenItsValueChanges) {
  std::vector<int32_t> heard;
  dynamic_.on_change(options_of(options::message_max_bytes, options::max_connections),
                     [&](const BrokerConfig& now) {
                       EXPECT_EQ(&live_.get(), &now) << "what counts already is what it is told";
                       heard.push_back(now.get(options::message_max_bytes));
                     });
  ASSERT_TRUE(set(Level::cluster, {{"message.max.bytes", "200"}}).ok());
  ASSERT_TRUE(set(Level::broker, {{"message.max.bytes", "200"}}).ok());  // the same value from another place
  ASSERT_TRUE(set(Level::cluster, {{"min.insync.replicas", "2"}}).ok());
  ASSERT_TRUE(set(Level::cluster, {{"listener.name.a.max.connections", "3"}}).ok());
  EXPECT_THAT(heard, ElementsAre(200, 200)) << "once for the value, once for the listener's";
}

TEST_F(DynamicConfigTest, HearsOfATimeUnderTheNameOfItsFinestUnit) {
  int calls = 0;
  dynamic_.on_change(options_of(options::log_roll_ms), [&](const BrokerConfig&) { ++calls; });
  ASSERT_TRUE(set(Level::cluster, {{"log.roll.ms", "7200000"}}).ok());
  EXPECT_EQ(calls, 0) << "two hours are what the file says in hours";
  ASSERT_TRUE(set(Level::cluster, {{"log.roll.ms", "7200001"}}).ok());
  EXPECT_EQ(calls, 1);
}

TEST_F(DynamicConfigTest, APartMayRefuseAChange) {
  dynamic_.add_check([](const BrokerConfig&, const BrokerConfig& next) -> Result<void> {
    if (next.get(options::max_connections) != 13) return {};
    return Error{make_error_code(ErrorCode::invalid_config), "not thirteen"};
  });
  EXPECT_EQ(refusal(Level::cluster, {{"max.connections", "13"}}), "not thirteen");
  EXPECT_FALSE(set(Level::cluster, {{"max.connections", "13"}}).ok());
  EXPECT_TRUE(set(Level::cluster, {{"max.connections", "12"}}).ok());
}

/// DynamicBrokerConfig.AllDynamicConfigs of Kafka 3.9, those of PerBrokerConfigs first.
constexpr const char* kPerBroker =
    "ssl.keystore.type,ssl.keystore.location,ssl.keystore.password,ssl.key.password,ssl.truststore.type,"
    "ssl.truststore.location,ssl.truststore.password,ssl.keystore.certificate.chain,ssl.keystore.key,"
    "ssl.truststore.certificates,advertised.listeners,listeners,listener.security.protocol.map,"
    "principal.builder.class,ssl.protocol,ssl.provider,ssl.cipher.suites,ssl.enabled.protocols,"
    "ssl.keymanager.algorithm,ssl.trustmanager.algorithm,ssl.endpoint.identification.algorithm,"
    "ssl.secure.random.implementation,ssl.client.auth,ssl.engine.factory.class,"
    "sasl.mechanism.inter.broker.protocol,sasl.jaas.config,sasl.enabled.mechanisms,sasl.kerberos.service.name,"
    "sasl.kerberos.kinit.cmd,sasl.kerberos.ticket.renew.window.factor,sasl.kerberos.ticket.renew.jitter,"
    "sasl.kerberos.min.time.before.relogin,sasl.kerberos.principal.to.local.rules,sasl.login.refresh.window.factor,"
    "sasl.login.refresh.window.jitter,sasl.login.refresh.min.period.seconds,sasl.login.refresh.buffer.seconds";
constexpr const char* kClusterWide =
    "log.cleaner.threads,log.cleaner.dedupe.buffer.size,log.cleaner.io.buffer.load.factor,"
    "log.cleaner.io.buffer.size,message.max.bytes,log.cleaner.io.max.bytes.per.second,log.cleaner.backoff.ms,"
    "log.segment.bytes,log.roll.ms,log.roll.jitter.ms,log.index.size.max.bytes,log.flush.interval.messages,"
    "log.flush.interval.ms,log.retention.bytes,log.retention.ms,log.index.interval.bytes,"
    "log.cleaner.delete.retention.ms,log.cleaner.min.compaction.lag.ms,log.cleaner.max.compaction.lag.ms,"
    "log.segment.delete.delay.ms,log.cleaner.min.cleanable.ratio,log.cleanup.policy,"
    "unclean.leader.election.enable,min.insync.replicas,compression.type,compression.gzip.level,"
    "compression.lz4.level,compression.zstd.level,log.preallocate,log.message.timestamp.type,"
    "log.message.timestamp.difference.max.ms,log.message.timestamp.before.max.ms,"
    "log.message.timestamp.after.max.ms,log.message.downconversion.enable,log.local.retention.ms,"
    "log.local.retention.bytes,num.io.threads,num.replica.fetchers,num.recovery.threads.per.data.dir,"
    "background.threads,metric.reporters,max.connections.per.ip,max.connections.per.ip.overrides,max.connections,"
    "max.connection.creation.rate,num.network.threads,producer.id.expiration.ms,"
    "transaction.partition.verification.enable,remote.log.index.file.cache.total.size.bytes,"
    "remote.fetch.max.wait.ms,remote.log.manager.copy.max.bytes.per.second,"
    "remote.log.manager.fetch.max.bytes.per.second,"
    // of QuotaConfigs.brokerQuotaConfigs
    "leader.replication.throttled.rate,follower.replication.throttled.rate,"
    "replica.alter.log.dirs.io.max.bytes.per.second";

TEST(OptionTable, LetsChangeAtRunTimeWhatKafkaDoes) {
  auto in_table = [](UpdateMode mode) {
    std::vector<std::string> names;
    for (const OptionInfo& option : broker_option_table()) {
      if (option.update == mode) names.emplace_back(option.name);
    }
    return names;
  };
  EXPECT_THAT(in_table(UpdateMode::per_broker), ::testing::UnorderedElementsAreArray(split_list(kPerBroker)));
  EXPECT_THAT(in_table(UpdateMode::cluster_wide), ::testing::UnorderedElementsAreArray(split_list(kClusterWide)));
}

TEST(UsableDynamicOptions, LeavesOutWhatCannotBeSetThere) {
  Properties stored{{"message.max.bytes", "x"},      {"min.insync.replicas", "2"}, {"broker.rack", "a"},
                    {"listeners", "PLAINTEXT://:1"}, {"ssl.keystore.type", "JKS"}, {"own.key", "v"}};
  EXPECT_EQ(usable_dynamic_options(stored, Level::cluster),
            (Properties{{"min.insync.replicas", "2"}, {"own.key", "v"}}));
  EXPECT_EQ(usable_dynamic_options(stored, Level::broker),
            (Properties{{"min.insync.replicas", "2"}, {"own.key", "v"}, {"listeners", "PLAINTEXT://:1"}}));
}

TEST(DescribeTopic, ShowsDynamicOptionsOfTheBrokerAsSources) {
  auto config = loaded({}).with({{{"log.segment.bytes", "300"}}, {{"log.segment.bytes", "200"}}});
  ASSERT_TRUE(config.ok());
  auto topic = TopicConfig::create(*config, {});
  for (const auto& entry : describe_topic(*config, *topic)) {
    if (entry.name != "segment.bytes") continue;
    EXPECT_EQ(entry.value, "300");
    EXPECT_EQ(entry.source, ConfigSource::dynamic_broker);
    EXPECT_THAT(entry.synonyms,
                ElementsAre(ConfigSynonym{"log.segment.bytes", "300", ConfigSource::dynamic_broker},
                            ConfigSynonym{"log.segment.bytes", "200", ConfigSource::dynamic_default_broker},
                            ConfigSynonym{"log.segment.bytes", "1073741824", ConfigSource::default_config}));
  }
}

TEST_F(DynamicConfigTest, AListenerIsNotClosedToEverybody) {
  EXPECT_EQ(refusal(Level::cluster, {{"max.connections", "0"}}), "Invalid max.connections 0");
  EXPECT_EQ(refusal(Level::broker, {{"max.connection.creation.rate", "0"}}),
            "Invalid max.connection.creation.rate 0");
  EXPECT_EQ(refusal(Level::cluster, {{"listener.name.plaintext.max.connections", "0"}}),
            "Invalid max.connections 0");
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.plaintext.max.connection.creation.rate", "0"}}),
            "Invalid max.connection.creation.rate 0");
  EXPECT_EQ(refusal(Level::broker, {{"max.connections", "1"}, {"max.connection.creation.rate", "1"}}), "");
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.another.max.connections", "0"}}), "");
  EXPECT_EQ(refusal(Level::broker, {{"max.connections", "0"}, {"listener.name.plaintext.max.connections", "5"}}),
            "")
      << "it has its own";
}

TEST_F(DynamicConfigTest, WhatAnExistingListenerWasMadeWithStays) {
  constexpr const char* kRefusal =
      "Configs cannot be updated dynamically for existing listener PLAINTEXT, restart broker or create a new "
      "listener "
      "for update";
  auto moved_and = [](const std::string& key, const std::string& value) {
    return Properties{{"listeners", "PLAINTEXT://:7"}, {key, value}};
  };
  EXPECT_EQ(refusal(Level::broker, moved_and("listener.name.plaintext.ssl.client.auth", "required")), kRefusal);
  EXPECT_EQ(refusal(Level::broker, moved_and("listener.name.plaintext.plain.sasl.jaas.config", "x")), kRefusal);
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.plaintext.ssl.client.auth", "required"}}), "")
      << "at the next start";
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.plaintext.ssl.keystore.location", "/x"}}), "");
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.plaintext.max.connections", "5"}}), "");
  EXPECT_EQ(refusal(Level::broker, {{"listener.name.another.ssl.client.auth", "required"}}), "");
}

TEST(DynamicConfig, ABrokerThatWasStartedClosedMayChangeAnythingElse) {
  testing::ManualShards shards(1);
  BrokerConfig started_with = loaded({{"max.connections", "0"}});
  LiveConfig live(shards.all(), started_with);
  DynamicConfig dynamic(started_with, live);
  auto checked = [&](const Properties& wanted) {
    return shards.call([&] { return dynamic.check(Level::broker, wanted); });
  };
  EXPECT_TRUE(checked({{"message.max.bytes", "200"}}).ok());
  EXPECT_TRUE(checked({{"max.connections", "5"}}).ok());
  EXPECT_EQ(checked({{"max.connection.creation.rate", "5"}}).error().message, "Invalid max.connections 0");
}

}  // namespace
}  // namespace gregor
