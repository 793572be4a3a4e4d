#include "broker/admin/pages.h"

#include <gtest/gtest.h>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

constexpr Metric kAnswers{Metric::Type::gauge, "answers", "Answers"};

class FixedSource final : public MetricSource {
 public:
  explicit FixedSource(double value) : value_(value) {}
  Task<MetricWriter> collect() override {
    MetricWriter writer = [value = value_](MetricPage& page) {
      page.add(kAnswers, value, {{"of", std::to_string(static_cast<int>(value))}});
    };
    co_return std::move(writer);
  }

 private:
  const double value_;
};

class PagesTest : public ::testing::Test {
 protected:
  HttpAnswer show(HttpPage& page) {
    HttpRenderer renderer = shards_.run(page.render());
    return renderer();
  }
  testing::ManualShards shards_{2};
};

TEST_F(PagesTest, MetricsOfAllSourcesStandTogether) {
  FixedSource one(1);
  FixedSource two(2);
  MetricsPage page;
  page.add(one);
  page.add(two);
  HttpAnswer answer = show(page);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            "# HELP answers Answers\n# TYPE answers gauge\nanswers{of=\"1\"} 1\nanswers{of=\"2\"} 2\n");
}

TEST_F(PagesTest, HealthIsThatEveryShardAnswers) {
  HealthPage page(shards_.all());
  EXPECT_EQ(show(page).status, 200);
}

TEST_F(PagesTest, ReadinessTellsWhatIsMissing) {
  bool is_registered = false;
  ReadinessPage page([&]() -> std::vector<ReadinessCondition> {
    return {{"loaded", true, ""}, {"registered", is_registered, "waits for \"ZooKeeper\""}};
  });
  HttpAnswer answer = show(page);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body,
            "{\"ready\":false,\"conditions\":[{\"name\":\"loaded\",\"ok\":true,\"detail\":\"\"},"
            "{\"name\":\"registered\",\"ok\":false,\"detail\":\"waits for \\\"ZooKeeper\\\"\"}]}\n");
  is_registered = true;
  EXPECT_EQ(show(page).status, 200);
}

}  // namespace
}  // namespace gregor
