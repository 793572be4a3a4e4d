#include "broker/metrics/metric_page.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace gregor {
namespace {

std::string text_of(MetricPage page) { return prometheus::TextSerializer().Serialize(page.take()); }

constexpr Metric kSold{Metric::Type::counter, "shop_sold_total", "Things sold"};
constexpr Metric kStock{Metric::Type::gauge, "shop_stock", "Things there"};

TEST(MetricPage, GathersValuesOfOneMetricInOneFamily) {
  MetricPage page;
  page.add(kSold, 3, {{"thing", "cup"}});
  page.add(kStock, 2.5);
  page.add(kSold, 4, {{"thing", "pot"}});
  EXPECT_EQ(text_of(std::move(page)),
            "# HELP shop_sold_total Things sold\n# TYPE shop_sold_total counter\n"
            "shop_sold_total{thing=\"cup\"} 3\nshop_sold_total{thing=\"pot\"} 4\n"
            "# HELP shop_stock Things there\n# TYPE shop_stock gauge\nshop_stock 2.5\n");
}

TEST(MetricPage, SpellsDistributionsAsTheExporterOfKafkaDoes) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 50; ++value) histogram.record(value, Instant());
  HistogramTotal total;
  total.add(histogram, Instant());
  MetricPage page;
  page.add(Distribution{"shop_wait", "Waiting", 10}, total, {{"desk", "1"}});
  std::string text = text_of(std::move(page));
  EXPECT_NE(text.find("shop_wait{desk=\"1\",quantile=\"0.50\"} 2.5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("shop_wait{desk=\"1\",quantile=\"0.999\"} 5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("shop_wait_count{desk=\"1\"} 50\n"), std::string::npos) << text;
  EXPECT_NE(text.find("shop_wait_sum{desk=\"1\"} 127.5\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace gregor
