#include "broker/config/topic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/types/error_code.h"
#include "config_under_test.h"

namespace gregor {
namespace {

using testing::HasSubstr;

TopicConfig topic(const Properties& broker, const Properties& overrides) {
  auto config = TopicConfig::create(loaded(broker), overrides);
  EXPECT_TRUE(config.ok());
  return *config;
}

std::string refusal_of_topic(const Properties& overrides, const Properties& broker = {}) {
  auto validated = TopicConfig::validate(loaded(broker), overrides);
  EXPECT_TRUE(validated.ok() || validated.error().is(ErrorCode::invalid_config));
  return validated ? "" : validated.error().message;
}

TEST(TopicConfig, TakesTheBrokersOptionsInItsOwnUnits) {
  TopicConfig config =
      topic({{"log.roll.hours", "2"}, {"log.retention.minutes", "3"}, {"message.max.bytes", "99"}}, {});
  EXPECT_EQ(config.get(topic_options::segment_ms), 7200000);
  EXPECT_EQ(config.get(topic_options::retention_ms), 180000);
  EXPECT_EQ(config.get(topic_options::max_message_bytes), 99);
}

TEST(TopicConfig, PrefersItsOwnOptions) {
  TopicConfig config =
      topic({{"log.segment.bytes", "2000"}}, {{"segment.bytes", "1000"}, {"cleanup.policy", "compact"}});
  EXPECT_EQ(config.get(topic_options::segment_bytes), 1000);
  EXPECT_TRUE(config.is_compacted());
  EXPECT_FALSE(config.is_deleted_by_age());
}

TEST(TopicConfig, KeepsRecordsForeverWhenTheBrokersRetentionIsNegative) {
  EXPECT_EQ(topic({{"log.retention.hours", "-1"}}, {}).get(topic_options::retention_ms), -1);
}

TEST(TopicConfig, TakesTheDeprecatedTimestampBoundWhereTheNewerOnesAreUnset) {
  TopicConfig config = topic({{"log.message.timestamp.difference.max.ms", "1000"}}, {});
  EXPECT_EQ(config.message_timestamp_before_max_ms(), 1000);
  EXPECT_EQ(config.get(topic_options::message_timestamp_before_max_ms), 1000);
  TopicConfig own =
      topic({}, {{"message.timestamp.difference.max.ms", "5"}, {"message.timestamp.after.max.ms", "7"}});
  EXPECT_EQ(own.message_timestamp_before_max_ms(), 5);
  EXPECT_EQ(own.message_timestamp_after_max_ms(), 7);
}

TEST(TopicConfig, PassesOverUnknownKeysThatAreStored) {
  EXPECT_EQ(topic({}, {{"of.the.future", "1"}}).get(topic_options::segment_bytes), 1 << 30);
}

TEST(TopicConfig, RefusesUnknownKeysAndBadValues) {
  EXPECT_EQ(refusal_of_topic({{"segment.byte", "1"}}), "Unknown topic config name: segment.byte");
  EXPECT_EQ(refusal_of_topic({{"log.segment.bytes", "100"}}), "Unknown topic config name: log.segment.bytes");
  EXPECT_EQ(refusal_of_topic({{"segment.bytes", "13"}}),
            "Invalid value 13 for configuration segment.bytes: must be an integer of at least 14");
  EXPECT_EQ(refusal_of_topic({{"retention.ms", "-1"}, {"cleanup.policy", "compact,delete"}}), "");
}

TEST(TopicConfig, RefusesALeastCompactionLagAboveTheMost) {
  EXPECT_THAT(refusal_of_topic({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}}),
              HasSubstr("must be at most max.compaction.lag.ms, which is 5"));
  EXPECT_THAT(refusal_of_topic({{"min.compaction.lag.ms", "10"}}, {{"log.cleaner.max.compaction.lag.ms", "5"}}),
              HasSubstr("must be at most"));
}

TEST(TopicConfig, TakesRemoteStorageOnlyWhereTheBrokerHasIt) {
  Properties broker = {{"remote.log.storage.system.enable", "true"}};
  EXPECT_THAT(refusal_of_topic({{"remote.storage.enable", "true"}}), HasSubstr("disabled in the broker"));
  EXPECT_EQ(refusal_of_topic({{"remote.storage.enable", "true"}}, broker), "");
  EXPECT_THAT(refusal_of_topic({{"remote.storage.enable", "true"}, {"cleanup.policy", "compact"}}, broker),
              HasSubstr("compacted"));
  EXPECT_THAT(refusal_of_topic(
                  {{"remote.storage.enable", "true"}, {"retention.ms", "5"}, {"local.retention.ms", "6"}}, broker),
              HasSubstr("must be at most retention.ms, which is 5"));
}

TEST(TopicConfig, RefusesWhatNeedsKRaft) {
  EXPECT_THAT(refusal_of_topic({{"remote.log.copy.disable", "true"}}), HasSubstr("ZooKeeper"));
  EXPECT_THAT(refusal_of_topic({{"remote.log.delete.on.disable", "true"}}), HasSubstr("ZooKeeper"));
}

}  // namespace
}  // namespace gregor
