#include "broker/metrics/metric_page.h"

#include <utility>

namespace gregor {
namespace {

struct Quantile {
  const char* label;
  double share;
};
// As Kafka's histograms have them, and as dashboards spell them.
constexpr Quantile kQuantiles[] = {{"0.50", 0.5},  {"0.75", 0.75}, {"0.95", 0.95},
                                   {"0.98", 0.98}, {"0.99", 0.99}, {"0.999", 0.999}};

}  // namespace

prometheus::MetricFamily& MetricPage::family(std::string name, std::string_view help, Metric::Type type) {
  auto [place, is_new] = places_.try_emplace(std::move(name), families_.size());
  if (is_new) {
    auto& made = families_.emplace_back();
    made.name = place->first;
    made.help = help;
    made.type = type == Metric::Type::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  }
  return families_[place->second];
}

void MetricPage::add(const Metric& metric, double value, MetricLabels labels) {
  auto& row = family(std::string(metric.name), metric.help, metric.type).metric.emplace_back();
  row.label = std::move(labels);
  (metric.type == Metric::Type::counter ? row.counter.value : row.gauge.value) = value;
}

void MetricPage::add(const Distribution& metric, const HistogramTotal& total, const MetricLabels& labels) {
  std::string name(metric.name);
  for (const auto& quantile : kQuantiles) {
    auto& row = family(name, metric.help, Metric::Type::gauge).metric.emplace_back();
    row.label = labels;
    row.label.push_back({"quantile", quantile.label});
    row.gauge.value = total.quantile(quantile.share) / metric.scale;
  }
  std::string count_name = name + "_count";
  std::string sum_name = name + "_sum";
  std::string help(metric.help);
  std::string count_help = help + " (how many)";
  std::string sum_help = help + " (sum)";
  add(Metric{Metric::Type::counter, count_name, count_help}, static_cast<double>(total.count()), labels);
  add(Metric{Metric::Type::counter, sum_name, sum_help}, total.sum() / metric.scale, labels);
}

std::vector<prometheus::MetricFamily> MetricPage::take() {
  places_.clear();
  return std::exchange(families_, {});
}

}  // namespace gregor
