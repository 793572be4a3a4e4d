#include "broker/config/option_changes.h"

#include <gtest/gtest.h>

#include "config_under_test.h"

namespace gregor {
namespace {

/// What the log says when the broker's own dynamic options go from `before` to `now`.
std::string changed(const Properties& before, const Properties& now, const Properties& started_with = {}) {
  BrokerConfig config = loaded(started_with);
  return to_string(option_changes(*config.with({before, {}}), *config.with({now, {}})));
}

std::string topic_changed(const Properties& before, const Properties& now) {
  BrokerConfig config = loaded({{"log.segment.bytes", "1000"}});
  return to_string(option_changes(*TopicConfig::create(config, before), *TopicConfig::create(config, now)));
}

TEST(OptionChanges, SayFromWhichValueToWhich) {
  EXPECT_EQ(changed({}, {{"max.connections", "30"}}), "max.connections: 2147483647 -> 30");
  EXPECT_EQ(changed({{"max.connections", "30"}}, {}, {{"max.connections", "7"}}), "max.connections: 30 -> 7");
  EXPECT_EQ(changed({{"max.connections", "30"}, {"message.max.bytes", "5"}},
                    {{"max.connections", "40"}, {"message.max.bytes", "5"}, {"num.io.threads", "4"}}),
            "max.connections: 30 -> 40, num.io.threads: 8 -> 4");
  EXPECT_EQ(changed({}, {{"log.retention.ms", "5"}}, {{"log.retention.hours", "1"}}),
            "log.retention.ms: 3600000 -> 5");
  EXPECT_EQ(changed({}, {{"listener.name.a.max.connections", "3"}}), "listener.name.a.max.connections: unset -> 3");
  EXPECT_EQ(changed({{"max.connections", "5"}}, {{"max.connections", "5"}}), "");
}

TEST(OptionChanges, SayThatAValueStaysWhereAnotherOneComesFirst) {
  EXPECT_EQ(changed({}, {{"max.connections", "2147483647"}}), "max.connections: stays 2147483647");
  BrokerConfig config = loaded({});
  auto before = config.with({{{"max.connections", "5"}}, {}});
  auto now = config.with({{{"max.connections", "5"}}, {{"max.connections", "6"}}});
  EXPECT_EQ(to_string(option_changes(*before, *now)), "max.connections: stays 5");
}

TEST(OptionChanges, HideSecretsAndWhatMayBeOne) {
  EXPECT_EQ(changed({}, {{"listener.name.a.ssl.key.password", "secret"}}),
            "listener.name.a.ssl.key.password: unset -> (hidden)");
  EXPECT_EQ(changed({{"ssl.key.password", "old"}}, {{"ssl.key.password", "new"}}),
            "ssl.key.password: (hidden) -> (hidden)");
  EXPECT_EQ(changed({{"own.key", "a"}}, {}), "own.key: (hidden) -> unset");
}

TEST(OptionChanges, OfATopicCountFromTheBrokersValues) {
  EXPECT_EQ(topic_changed({}, {{"segment.bytes", "500"}}), "segment.bytes: 1000 -> 500");
  EXPECT_EQ(topic_changed({{"segment.bytes", "500"}}, {{"retention.ms", "6"}}),
            "segment.bytes: 500 -> 1000, retention.ms: 604800000 -> 6");
  EXPECT_EQ(topic_changed({{"segment.bytes", "500"}}, {{"segment.bytes", "500"}}), "");
  EXPECT_EQ(topic_changed({}, {{"leader.replication.throttled.replicas", "*"}}),
            "leader.replication.throttled.replicas: empty -> *");
}

TEST(OptionChanges, TellWhatHasNoEffect) {
  BrokerConfig config = loaded({});
  auto changes = option_changes(
      config,
      *config.with(
          {{{"num.io.threads", "4"}, {"max.connections", "4"}, {"listener.name.a.ssl.protocol", "TLSv1.2"}}, {}}));
  EXPECT_EQ(names_without_effect(changes), "listener.name.a.ssl.protocol,num.io.threads");
}

}  // namespace
}  // namespace gregor
