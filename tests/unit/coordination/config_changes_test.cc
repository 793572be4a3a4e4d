#include "broker/coordination/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_zookeeper.h"
#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// ZooKeeper in memory, and what was heard of its /config/changes.
class ConfigChangesTest : public ::testing::Test {
 protected:
  ConfigChangesTest() {
    put("/config/changes", "");
    zookeeper_.on_watch([this](WatchEvent event) { changes_.on_watch(event); });
    for (const char* type : {"topics", "brokers"}) {
      changes_.on_change(type, [this, type](std::string name) { return hear(heard_, type + (":" + name)); });
    }
  }
  static Task<void> hear(std::vector<std::string>& heard, std::string what) {
    heard.push_back(what);
    co_return;
  }
  void put(const std::string& path, const std::string& data) {
    shards_.call([&] { zookeeper_.others_put(path, data); });
  }
  void notify(int number, const std::string& data) {
    char name[64];
    std::snprintf(name, sizeof(name), "/config/changes/config_change_%010d", number);
    put(name, data);
  }
  static std::string of(const std::string& entity) { return R"({"version":2,"entity_path":")" + entity + R"("})"; }
  void follow() {
    shards_.call([&] { changes_.follow(); });
  }
  std::vector<std::string> heard() { return std::exchange(heard_, {}); }

  testing::ManualShards shards_;
  testing::FakeZooKeeper zookeeper_;
  std::vector<std::string> heard_;
  ConfigChanges changes_{zookeeper_, shards_.clock()};
};

TEST_F(ConfigChangesTest, HearsOfWhatIsThereAndOfWhatComesOnceAndInOrder) {
  notify(10, of("topics/b"));
  notify(9, of("topics/a"));
  follow();
  EXPECT_THAT(heard(), ElementsAre("topics:a", "topics:b"));
  notify(11, of("brokers/<default>"));
  EXPECT_THAT(heard(), ElementsAre("brokers:<default>"));
  follow();
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(ConfigChangesTest, ReadsBothVersions) {
  notify(1, R"({"version":1,"entity_type":"topics","entity_name":"old"})");
  notify(2, R"({"version":2,"entity_path":"brokers\/1"})");
  follow();
  EXPECT_THAT(heard(), ElementsAre("topics:old", "brokers:1"));
}

TEST_F(ConfigChangesTest, WhatCannotBeUnderstoodIsPassedOver) {
  const char* bad[] = {"",
                       "no json",
                       "[1]",
                       R"({"version":3,"entity_path":"topics/a"})",
                       R"({"version":2})",
                       R"({"version":1,"entity_type":"topics"})",
                       R"({"version":2,"entity_path":"topics"})",
                       R"({"version":2,"entity_path":"topics/"})",
                       R"({"version":2,"entity_path":"cats/tom"})",
                       R"({"version":2,"entity_path":7})"};
  int number = 1;
  for (const char* data : bad) notify(number++, data);
  put("/config/changes/something_else", of("topics/x"));
  notify(number, of("topics/good"));
  follow();
  EXPECT_THAT(heard(), ElementsAre("topics:good"));
}

TEST_F(ConfigChangesTest, GoesOnInANewSession) {
  follow();
  shards_.call([&] { zookeeper_.expire_session(); });
  notify(1, of("topics/a"));
  EXPECT_THAT(heard(), IsEmpty()) << "the watch went with the session";
  follow();
  EXPECT_THAT(heard(), ElementsAre("topics:a"));
}

TEST_F(ConfigChangesTest, NotificationsOlderThanFifteenMinutesAreRemovedWhenANewOneComes) {
  notify(1, of("topics/a"));
  follow();
  shards_.advance(15min);
  notify(2, of("topics/b"));
  EXPECT_TRUE(zookeeper_.has("/config/changes/config_change_0000000001")) << "it is not older yet";
  shards_.advance(1s);
  EXPECT_TRUE(zookeeper_.has("/config/changes/config_change_0000000001")) << "nothing new came";
  notify(3, of("topics/c"));
  EXPECT_FALSE(zookeeper_.has("/config/changes/config_change_0000000001"));
  EXPECT_TRUE(zookeeper_.has("/config/changes/config_change_0000000002"));
  EXPECT_THAT(heard(), ElementsAre("topics:a", "topics:b", "topics:c"));
}

TEST_F(ConfigChangesTest, AFailedReadIsTriedAgain) {
  shards_.call([&] { zookeeper_.fail_next("/config/changes/config_change_0000000001", ZkCode::bad_arguments); });
  notify(1, of("topics/a"));
  follow();
  EXPECT_THAT(heard(), IsEmpty());
  shards_.advance(2s);
  EXPECT_THAT(heard(), ElementsAre("topics:a"));
}

TEST_F(ConfigChangesTest, HearsNothingAfterStop) {
  follow();
  auto stopped = [](ConfigChanges& changes) -> Task<bool> {
    co_await changes.stop();
    co_return true;
  };
  EXPECT_TRUE(shards_.run(stopped(changes_)));
  notify(1, of("topics/a"));
  EXPECT_THAT(heard(), IsEmpty());
}

}  // namespace
}  // namespace gregor
