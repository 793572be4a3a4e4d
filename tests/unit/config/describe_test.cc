#include "broker/config/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config_under_test.h"

namespace gregor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ConfigEntry* find_entry(const std::vector<ConfigEntry>& entries, std::string_view name) {
  auto found =
      std::find_if(entries.begin(), entries.end(), [&](const ConfigEntry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

ConfigEntry entry(const std::vector<ConfigEntry>& entries, std::string_view name) {
  const ConfigEntry* found = find_entry(entries, name);
  EXPECT_NE(found, nullptr) << name;
  return found != nullptr ? *found : ConfigEntry{};
}

std::vector<ConfigEntry> described_topic(const Properties& broker, const Properties& overrides) {
  BrokerConfig config = loaded(broker);
  return describe_topic(config, *TopicConfig::create(config, overrides));
}

ConfigSynonym from_topic(std::string name, std::string value) { return {name, value, ConfigSource::topic}; }
ConfigSynonym from_file(std::string name, std::string value) { return {name, value, ConfigSource::static_broker}; }
ConfigSynonym by_default(std::string name, std::string value) {
  return {name, value, ConfigSource::default_config};
}

TEST(DescribeBroker, ShowsADefault) {
  ConfigEntry partitions = entry(describe_broker(loaded({})), "num.partitions");
  EXPECT_EQ(partitions.value, "1");
  EXPECT_EQ(partitions.source, ConfigSource::default_config);
  EXPECT_TRUE(partitions.is_default());
  EXPECT_TRUE(partitions.read_only);
  EXPECT_EQ(partitions.type, OptionType::int32);
  EXPECT_THAT(partitions.synonyms, ElementsAre(by_default("num.partitions", "1")));
  EXPECT_TRUE(partitions.documentation.has_value());
}

TEST(DescribeBroker, ShowsWhatWasSetAboveTheDefault) {
  ConfigEntry bytes = entry(describe_broker(loaded({{"message.max.bytes", "5"}})), "message.max.bytes");
  EXPECT_EQ(bytes.value, "5");
  EXPECT_EQ(bytes.source, ConfigSource::static_broker);
  EXPECT_FALSE(bytes.read_only);
  EXPECT_THAT(bytes.synonyms,
              ElementsAre(from_file("message.max.bytes", "5"), by_default("message.max.bytes", "1048588")));
}

TEST(DescribeBroker, ListsTheUnitsOfATimeAsSynonyms) {
  auto entries = describe_broker(loaded({{"log.retention.ms", "9"}, {"log.retention.hours", "2"}}));
  EXPECT_THAT(entry(entries, "log.retention.ms").synonyms,
              ElementsAre(from_file("log.retention.ms", "9"), from_file("log.retention.hours", "2"),
                          by_default("log.retention.hours", "168")));
  EXPECT_THAT(entry(entries, "log.retention.hours").synonyms,
              ElementsAre(from_file("log.retention.hours", "2"), by_default("log.retention.hours", "168")));
  EXPECT_THAT(entry(entries, "log.retention.minutes").synonyms, IsEmpty());
}

TEST(DescribeBroker, ShowsNullForAnUnsetOption) {
  ConfigEntry rack = entry(describe_broker(loaded({})), "broker.rack");
  EXPECT_EQ(rack.value, std::nullopt);
  EXPECT_FALSE(rack.is_sensitive);
  EXPECT_THAT(rack.synonyms, IsEmpty());
}

TEST(DescribeBroker, HidesPasswords) {
  ConfigEntry password =
      entry(describe_broker(loaded({{"ssl.keystore.password", "secret"}})), "ssl.keystore.password");
  EXPECT_TRUE(password.is_sensitive);
  EXPECT_EQ(password.value, std::nullopt);
  EXPECT_EQ(password.source, ConfigSource::static_broker);
  EXPECT_THAT(password.synonyms,
              ElementsAre(ConfigSynonym{"ssl.keystore.password", std::nullopt, ConfigSource::static_broker}));
}

TEST(DescribeBroker, HidesTheValueOfAnUnknownKey) {
  ConfigEntry unknown = entry(describe_broker(loaded({{"my.secret", "x"}})), "my.secret");
  EXPECT_EQ(unknown.type, OptionType::unknown);
  EXPECT_TRUE(unknown.is_sensitive);
  EXPECT_EQ(unknown.value, std::nullopt);
  EXPECT_EQ(unknown.source, ConfigSource::static_broker);
}

TEST(DescribeBroker, KnowsTheTypeOfAListenersOption) {
  auto entries = describe_broker(
      loaded({{"listener.name.a.ssl.protocol", "TLSv1.2"}, {"listener.name.a.plain.sasl.jaas.config", "x"}}));
  EXPECT_EQ(entry(entries, "listener.name.a.ssl.protocol").value, "TLSv1.2");
  EXPECT_THAT(
      entry(entries, "listener.name.a.ssl.protocol").synonyms,
      ElementsAre(from_file("listener.name.a.ssl.protocol", "TLSv1.2"), by_default("ssl.protocol", "TLSv1.3")));
  EXPECT_EQ(entry(entries, "listener.name.a.plain.sasl.jaas.config").type, OptionType::password);
  EXPECT_EQ(entry(entries, "listener.name.a.plain.sasl.jaas.config").value, std::nullopt);
}

TEST(DescribeBroker, LeavesInternalOptionsOutUnlessSet) {
  EXPECT_EQ(find_entry(describe_broker(loaded({})), "log.initial.task.delay.ms"), nullptr);
  EXPECT_EQ(entry(describe_broker(loaded({{"log.initial.task.delay.ms", "5"}})), "log.initial.task.delay.ms").value,
            "5");
}

TEST(DescribeBroker, AQuotaThatIsOnlySetWhileBrokersRunHasNeitherDefaultNorDocumentationAsInKafka) {
  DynamicProperties set;
  set.cluster = {{"leader.replication.throttled.rate", "1000"}};
  BrokerConfig config = *loaded({}).with(set);
  ConfigEntry rate = entry(describe_broker(config), "leader.replication.throttled.rate");
  EXPECT_EQ(rate.value, "1000");
  EXPECT_TRUE(rate.read_only);
  EXPECT_FALSE(rate.documentation);
  ASSERT_EQ(rate.synonyms.size(), 1u);
  EXPECT_EQ(rate.synonyms[0].source, ConfigSource::dynamic_default_broker);
  EXPECT_EQ(rate.source, ConfigSource::dynamic_default_broker);
}

TEST(DescribeTopic, ShowsItsOwnValueAboveTheBrokers) {
  ConfigEntry bytes =
      entry(described_topic({{"log.segment.bytes", "200"}}, {{"segment.bytes", "100"}}), "segment.bytes");
  EXPECT_EQ(bytes.value, "100");
  EXPECT_EQ(bytes.source, ConfigSource::topic);
  EXPECT_FALSE(bytes.read_only);
  EXPECT_THAT(bytes.synonyms, ElementsAre(from_topic("segment.bytes", "100"), from_file("log.segment.bytes", "200"),
                                          by_default("log.segment.bytes", "1073741824")));
}

TEST(DescribeTopic, ShowsTheBrokersValueAndSource) {
  ConfigEntry retention = entry(described_topic({{"log.retention.ms", "7"}}, {}), "retention.ms");
  EXPECT_EQ(retention.value, "7");
  EXPECT_EQ(retention.source, ConfigSource::static_broker);
}

TEST(DescribeTopic, CallsAValueFromACoarserUnitADefaultAsKafkaDoes) {
  ConfigEntry retention = entry(described_topic({{"log.retention.hours", "1"}}, {}), "retention.ms");
  EXPECT_EQ(retention.value, "3600000");
  EXPECT_EQ(retention.source, ConfigSource::default_config);
  EXPECT_THAT(retention.synonyms, IsEmpty());
}

TEST(DescribeTopic, HasOneEntryForEveryRow) {
  auto entries = described_topic({}, {});
  EXPECT_EQ(entries.size(), topic_option_table().size());
  EXPECT_EQ(entry(entries, "min.cleanable.dirty.ratio").value, "0.5");
  EXPECT_EQ(entry(entries, "leader.replication.throttled.replicas").value, "");
}

}  // namespace
}  // namespace gregor
