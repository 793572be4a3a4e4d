#include "broker/metrics/topic_metrics.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

class TopicMetricsTest : public ::testing::Test {
 protected:
  explicit TopicMetricsTest(bool tells_topics = true)
      : metrics_(shards_.all(), tells_topics, [this](std::string_view name) { return name != gone_; }) {}

  void count(size_t shard, uint64_t TopicCounters::*counter, std::string_view topic, uint64_t amount) {
    auto work = [&] { metrics_.count(counter, topic, amount); };
    shards_.call(work, shard);
  }

  /// The value of a series; none when it is not told.
  std::optional<double> value(const std::string& name, const std::string& topic = "") {
    MetricPage page;
    shards_.run(metrics_.collect())(page);
    for (const auto& family : page.take()) {
      if (family.name != "kafka_server_brokertopicmetrics_" + name) continue;
      for (const auto& row : family.metric) {
        std::string told = row.label.empty() ? "" : row.label[0].value;
        if (told == topic) return row.counter.value;
      }
    }
    return std::nullopt;
  }

  testing::ManualShards shards_{2};
  std::string gone_;
  TopicMetrics metrics_;
};

TEST_F(TopicMetricsTest, AddsUpWhatShardsCountedPerTopicAndForAll) {
  count(0, &TopicCounters::bytes_in, "orders", 100);
  count(1, &TopicCounters::bytes_in, "orders", 20);
  count(1, &TopicCounters::bytes_in, "users", 3);
  EXPECT_EQ(value("bytesin_total"), 123);
  EXPECT_EQ(value("bytesin_total", "orders"), 120);
  EXPECT_EQ(value("bytesin_total", "users"), 3);
  EXPECT_EQ(value("bytesout_total"), 0);
}

TEST_F(TopicMetricsTest, ForgetsATopicThatIsGoneButNotWhatAllTopicsDid) {
  count(0, &TopicCounters::messages_in, "orders", 5);
  gone_ = "orders";
  EXPECT_EQ(value("messagesin_total"), 5);
  EXPECT_EQ(value("messagesin_total", "orders"), std::nullopt);
}

class WithoutTopics : public TopicMetricsTest {
 protected:
  WithoutTopics() : TopicMetricsTest(false) {}
};

TEST_F(WithoutTopics, OnlyAllTopicsTogetherAreTold) {
  count(0, &TopicCounters::messages_in, "orders", 5);
  EXPECT_EQ(value("messagesin_total"), 5);
  EXPECT_EQ(value("messagesin_total", "orders"), std::nullopt);
}

}  // namespace
}  // namespace gregor
