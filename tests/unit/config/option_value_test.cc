#include "broker/config/option_value.h"

#include <gtest/gtest.h>

#include "broker/config/help.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

const OptionInfo& broker_option(std::string_view name) {
  OptionTable table = broker_option_table();
  return table[table.find(name).value()];
}

const OptionInfo& topic_option(std::string_view name) {
  OptionTable table = topic_option_table();
  return table[table.find(name).value()];
}

std::string problem(const OptionInfo& option, std::string_view text) {
  auto value = parse_option(option, text);
  return value.ok() ? "" : value.error().message;
}

OptionValue parsed(const OptionInfo& option, std::string_view text) {
  auto value = parse_option(option, text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : OptionValue{};
}

TEST(OptionTable, HasADefaultThatItsOwnRuleAllows) {
  for (OptionTable table : {broker_option_table(), topic_option_table()}) {
    for (const OptionInfo& option : table) {
      if (!option.default_text) continue;
      EXPECT_TRUE(parse_option(option, *option.default_text).ok()) << option.name;
      EXPECT_EQ(to_text(default_value(option)), std::string(*option.default_text)) << option.name;
    }
  }
}

TEST(OptionTable, DerivesATopicsDefaultFromTheBrokersInItsOwnUnit) {
  EXPECT_EQ(topic_option("retention.ms").default_text, "604800000");
  EXPECT_EQ(topic_option("segment.ms").default_text, "604800000");
  EXPECT_EQ(topic_option("flush.ms").default_text, "9223372036854775807");
  EXPECT_EQ(topic_option("max.message.bytes").default_text, "1048588");
}

TEST(OptionValue, NamesTheKeyTheTextAndWhatIsAllowed) {
  const OptionInfo& partitions = broker_option("num.partitions");
  EXPECT_EQ(problem(partitions, "abc"),
            "Invalid value abc for configuration num.partitions: must be an integer of at least 1");
  EXPECT_EQ(problem(partitions, "0"),
            "Invalid value 0 for configuration num.partitions: must be an integer of at least 1");
  EXPECT_EQ(problem(partitions, "99999999999"),
            "Invalid value 99999999999 for configuration num.partitions: must be an integer from 1 to 2147483647");
  EXPECT_TRUE(parse_option(partitions, "").error().is(ErrorCode::invalid_config));
}

TEST(OptionValue, IgnoresBlanksAroundNumbersAndTakesASign) {
  EXPECT_EQ(parsed(broker_option("num.partitions"), " +3 "), OptionValue(int32_t{3}));
  EXPECT_EQ(parsed(broker_option("queued.max.request.bytes"), "-1"), OptionValue(int64_t{-1}));
  EXPECT_NE(problem(broker_option("num.partitions"), "+-3"), "");
  EXPECT_NE(problem(broker_option("num.partitions"), "3.0"), "");
}

TEST(OptionValue, ReadsBooleansInAnyCaseAndNothingElse) {
  EXPECT_EQ(parsed(broker_option("delete.topic.enable"), "TRUE"), OptionValue(true));
  EXPECT_EQ(problem(broker_option("delete.topic.enable"), "yes"),
            "Invalid value yes for configuration delete.topic.enable: must be true or false");
}

TEST(OptionValue, SplitsListsAtCommas) {
  using List = std::vector<std::string>;
  EXPECT_EQ(parsed(topic_option("cleanup.policy"), "compact , delete"), OptionValue(List{"compact", "delete"}));
  EXPECT_EQ(parsed(topic_option("cleanup.policy"), ""), OptionValue(List{}));
  EXPECT_NE(problem(topic_option("cleanup.policy"), "compact,"), "");
  EXPECT_EQ(problem(topic_option("cleanup.policy"), "remove"),
            "Invalid value remove for configuration cleanup.policy: must be any of compact, delete");
}

TEST(OptionValue, ChecksRangesWithOneMoreNumber) {
  const OptionInfo& level = topic_option("compression.gzip.level");
  EXPECT_EQ(parsed(level, "-1"), OptionValue(int32_t{-1}));
  EXPECT_EQ(parsed(level, "9"), OptionValue(int32_t{9}));
  EXPECT_EQ(problem(level, "0"),
            "Invalid value 0 for configuration compression.gzip.level: must be an integer from 1 to 9 or -1");
}

TEST(OptionValue, ChecksThrottledReplicas) {
  const OptionInfo& replicas = topic_option("leader.replication.throttled.replicas");
  EXPECT_EQ(problem(replicas, "*"), "");
  EXPECT_EQ(problem(replicas, "0:1,1:2"), "");
  EXPECT_EQ(problem(replicas, ""), "");
  EXPECT_NE(problem(replicas, "0-1"), "");
}

TEST(OptionValue, ChecksReleases) {
  const OptionInfo& version = broker_option("inter.broker.protocol.version");
  for (auto known : {"3.9", "3.9-IV0", "3.8.1", "0.11.0-IV2", "1.0", "2.8-IV1"})
    EXPECT_EQ(problem(version, known), "");
  for (auto unknown : {"4.0", "3.10", "3.9-", "abc", ""}) EXPECT_NE(problem(version, unknown), "") << unknown;
}

TEST(OptionValue, PrintsDoublesAsJavaDoes) {
  EXPECT_EQ(to_text(OptionValue(0.5)), "0.5");
  EXPECT_EQ(to_text(OptionValue(1.0)), "1.0");
  EXPECT_EQ(to_text(OptionValue(1e7)), "1.0E7");
  EXPECT_EQ(to_text(OptionValue(0.0001)), "1.0E-4");
  EXPECT_EQ(to_text(OptionValue(1.7976931348623157e308)), "1.7976931348623157E308");
}

TEST(Help, ListsEveryOptionThatIsNotInternal) {
  std::string help = options_help();
  EXPECT_NE(help.find("num.partitions  (an integer of at least 1; default 1)"), std::string::npos);
  EXPECT_EQ(help.find("log.initial.task.delay.ms"), std::string::npos);
}

}  // namespace
}  // namespace gregor
