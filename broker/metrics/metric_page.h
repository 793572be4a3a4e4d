#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/metrics/histogram.h"

namespace gregor {

/// One kind of metric. Its name is what the jmx_exporter's usual rules make of Kafka's MBean, so that existing
/// dashboards find it. docs/metrics.md lists all of them.
struct Metric {
  enum class Type { counter, gauge };

  Type type = Type::gauge;
  std::string_view name;
  std::string_view help;
};

/// A distribution of values; it goes out as `name{quantile=}`, `name_count` and `name_sum`.
struct Distribution {
  std::string_view name;
  std::string_view help;
  /// How many of the histogram's units make one of the metric's: a million, for milliseconds from nanoseconds.
  double scale = 1;
};

inline constexpr double kNanosecondsPerMillisecond = 1e6;

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

/// What one scrape answers: values by metric and labels. Filled by one thread.
class MetricPage {
 public:
  void add(const Metric& metric, double value, MetricLabels labels = {});
  void add(const Distribution& metric, const HistogramTotal& total, const MetricLabels& labels = {});

  /// The families in the order in which they first appeared; the page is empty then.
  std::vector<prometheus::MetricFamily> take();

 private:
  prometheus::MetricFamily& family(std::string name, std::string_view help, Metric::Type type);

  std::vector<prometheus::MetricFamily> families_;
  std::unordered_map<std::string, size_t> places_;
};

}  // namespace gregor
