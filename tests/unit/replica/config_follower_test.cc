#include "broker/replica/config_follower.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "broker/config/options.h"
#include "broker/replica/topic_settings.h"
#include "partition_fixture.h"
#include "runtime/logging.h"
#include "tests/support/fake_zookeeper.h"

namespace gregor {
namespace {

/// Broker 1 on two shards with eight partitions of the topic "orders", over ZooKeeper in memory.
class ConfigFollowerTest : public ::testing::Test {
 protected:
  ConfigFollowerTest() {
    put("/config/changes", "");
    zookeeper_.on_watch([this](WatchEvent event) { changes_.on_watch(event); });
    directory_ = std::move(*LogDirectory::open(files_, home_.path()));
    partitions_ = std::make_unique<Partitions>(ReplicaEnvironment{
        kSelf, shards_.all(), pool_, shards_.clock(), random_, std::vector<LogDirectory*>{directory_.get()}});
    follower_ =
        std::make_unique<ConfigFollower>(kSelf, zookeeper_, live_, dynamic_, *partitions_, control_, changes_);
    std::vector<PartitionState> states;
    for (int32_t i = 0; i < 8; ++i) {
      states.push_back({{"orders", i}, uuid_of(7), kSelf, LeaderEpoch(0), 0, ids({1}), ids({1})});
    }
    auto settings = shards_.call([&] { return default_partition_settings(live_.get()); });
    shards_.run(partitions_->apply(std::move(states), {{"orders", settings}}));
  }
  static BrokerConfig config() {
    return *BrokerConfig::load(
        {{"zookeeper.connect", "here:2181"}, {"broker.id", "1"}, {"log.segment.bytes", "1000"}}, {},
        [] { return std::string("here.example"); });
  }
  void put(const std::string& path, const std::string& data) {
    shards_.call([&] { zookeeper_.others_put(path, data); });
  }
  /// What a tool does: writes the node, then leaves a notification.
  void change(const std::string& entity, const std::string& config) {
    put("/config/" + entity, config);
    put(fmt::format("/config/changes/config_change_{:010d}", next_++),
        R"({"version":2,"entity_path":")" + entity + R"("})");
  }
  static std::string of(const std::string& pairs) { return R"({"version":1,"config":{)" + pairs + "}}"; }
  void follow() {
    shards_.call([&] { changes_.follow(); });
  }
  /// What every partition has; all must have the same.
  template <class F>
  auto setting(F get) {
    auto value_of = [&](int32_t index) {
      TopicPartition name{"orders", index};
      return shards_.call([&] { return get(partitions_->find(name)->settings()); },
                          partitions_->shard_of(name).index());
    };
    auto first = value_of(0);
    for (int32_t index = 1; index < 8; ++index) EXPECT_EQ(value_of(index), first) << "partition " << index;
    return first;
  }
  uint64_t segment_bytes() {
    return setting([](const PartitionSettings& settings) { return settings.log.segment_size_bytes; });
  }
  int32_t min_insync() {
    return setting([](const PartitionSettings& settings) { return settings.min_insync_replicas; });
  }
  int32_t max_connections() {
    return shards_.call([&] { return live_.get().get(options::max_connections); });
  }

  testing::ManualShards shards_{2};
  testing::InlinePool pool_;
  testing::TemporaryDirectory home_;
  PosixFileSystem files_;
  SystemRandom random_;
  testing::FakeZooKeeper zookeeper_;
  LiveConfig live_{shards_.all(), config()};
  DynamicConfig dynamic_{config(), live_};
  ControlState control_;
  ConfigChanges changes_{zookeeper_, shards_.clock()};
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<Partitions> partitions_;
  std::unique_ptr<ConfigFollower> follower_;
  int next_ = 1;
};

TEST_F(ConfigFollowerTest, ATopicsChangeReachesItsPartitionsOnEveryShard) {
  follow();
  change("topics/orders", of(R"("segment.bytes":"500")"));
  EXPECT_EQ(segment_bytes(), 500u);
  change("topics/orders", of(""));
  EXPECT_EQ(segment_bytes(), 1000u);
}

TEST_F(ConfigFollowerTest, ABrokersOptionReachesWhatTheTopicDoesNotSet) {
  follow();
  change("topics/orders", of(R"("segment.bytes":"500")"));
  change("brokers/<default>", of(R"("log.segment.bytes":"2000","min.insync.replicas":"3")"));
  EXPECT_EQ(segment_bytes(), 500u) << "the topic's own value";
  EXPECT_EQ(min_insync(), 3);
  change("brokers/1", of(R"("min.insync.replicas":"4")"));
  EXPECT_EQ(min_insync(), 4);
  change("brokers/2", of(R"("min.insync.replicas":"5")"));
  EXPECT_EQ(min_insync(), 4) << "another broker's";
  change("topics/orders", of(""));
  EXPECT_EQ(segment_bytes(), 2000u);
}

TEST_F(ConfigFollowerTest, TheLogSaysWhatChanged) {
  follow();
  auto logged = [this](const std::string& entity, const std::string& pairs) {
    log::set_level(log::Level::info);
    ::testing::internal::CaptureStdout();
    change(entity, of(pairs));
    log::flush();
    log::set_level(log::Level::warn);
    return ::testing::internal::GetCapturedStdout();
  };
  EXPECT_THAT(
      logged("topics/orders", R"("segment.bytes":"500")"),
      ::testing::EndsWith(" info a topic's options changed topic=orders changes=[segment.bytes: 1000 -> 500]\n"));
  EXPECT_EQ(logged("topics/orders", R"("segment.bytes":"500")"), "") << "that it had already";
  EXPECT_EQ(logged("topics/elsewhere", R"("segment.bytes":"500")"), "");
  EXPECT_THAT(logged("topics/orders", R"("cleanup.policy":"compact")"),
              ::testing::HasSubstr("compaction is not there yet topics=orders"));
  EXPECT_THAT(
      logged("brokers/1", R"("max.connections":"30","num.io.threads":"4")"),
      ::testing::AllOf(::testing::HasSubstr("the broker's options changed level=broker changes=[max.connections: "
                                            "2147483647 -> 30, num.io.threads: 8 -> 4]"),
                       ::testing::HasSubstr("changed options without effect yet options=num.io.threads")));
  EXPECT_THAT(logged("brokers/1", ""), ::testing::AllOf(::testing::HasSubstr("num.io.threads: 4 -> 8]"),
                                                        ::testing::Not(::testing::HasSubstr("without effect"))));
  EXPECT_THAT(logged("brokers/<default>", R"("log.cleanup.policy":"compact")"),
              ::testing::HasSubstr("compaction is not there yet log.cleanup.policy=compact"));
}

TEST_F(ConfigFollowerTest, WhatCannotBeUnderstoodChangesNothing) {
  follow();
  change("brokers/<default>", of(R"("min.insync.replicas":"3","max.connections":"30")"));
  change("topics/orders", of(R"("segment.bytes":"500")"));
  for (const char* bad : {"no json", "[]", R"({"config":7})"}) {
    change("topics/orders", bad);
    change("brokers/<default>", bad);
    change("brokers/1", bad);
    EXPECT_EQ(segment_bytes(), 500u) << bad;
    EXPECT_EQ(min_insync(), 3) << bad;
  }
  change("topics/orders", of(R"("segment.bytes":"many")"));
  EXPECT_EQ(segment_bytes(), 500u);
  change("brokers/<default>", of(R"("min.insync.replicas":"x","max.connections":"40","broker.rack":"r")"));
  EXPECT_EQ(min_insync(), 1) << "a bad value is left out, as if it weren't there";
  EXPECT_EQ(max_connections(), 40);
  change("brokers/<default>", of(R"("num.io.threads":"1000","max.connections":"50")"));
  EXPECT_EQ(max_connections(), 40) << "values that don't go together change nothing";
}

TEST_F(ConfigFollowerTest, OptionsAreReadAtTheStartWhateverTheNumbersOfThreads) {
  put("/config/brokers/<default>", of(R"("num.io.threads":"1000","max.connections":"30")"));
  put("/config/brokers/1", of(R"("max.connections":"40")"));
  auto read = shards_.run(follower_->read_options());
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(max_connections(), 40);
  EXPECT_EQ(shards_.call([&] { return live_.get().get(options::num_io_threads); }), 1000);
}

TEST_F(ConfigFollowerTest, ANewSessionReadsTheOptionsAgain) {
  follow();
  shards_.call([&] { zookeeper_.expire_session(); });
  put("/config/brokers/1", of(R"("max.connections":"40")"));  // the notification came and went meanwhile
  shards_.call([&] { follower_->follow(); });
  EXPECT_EQ(max_connections(), 40);
  change("topics/orders", of(R"("segment.bytes":"500")"));
  EXPECT_EQ(segment_bytes(), 500u);
}

TEST_F(ConfigFollowerTest, PasswordsUnderTheOldSecretAreEncryptedAnewAtTheStart) {
  put("/config/brokers/1", of(R"("max.connections":"40")"));
  std::string before = zookeeper_.data("/config/brokers/1");
  auto read = shards_.run(follower_->read_options());
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(zookeeper_.data("/config/brokers/1"), before) << "nothing to encrypt, nothing written";
}

}  // namespace
}  // namespace gregor
