#pragma once

#include <string>
#include <vector>

#include "broker/admin/http_server.h"
#include "broker/metrics/metric_source.h"
#include "runtime/async_mutex.h"

namespace gregor {

/// /metrics: what all sources have to tell, in Prometheus' text format.
class MetricsPage final : public HttpPage {
 public:
  /// On the home shard, at any time. The source outlives the page.
  void add(MetricSource& source) { sources_.push_back(&source); }
  Task<HttpRenderer> render() override;

 private:
  std::vector<MetricSource*> sources_;
  AsyncMutex in_turn_;
};

/// /healthz: 200 once every shard has answered, which is how long the process serves; else the server's own 503.
class HealthPage final : public HttpPage {
 public:
  explicit HealthPage(const Shards& shards) : shards_(shards) {}
  Task<HttpRenderer> render() override;

 private:
  const Shards& shards_;
};

/// Something that has to be so before clients are served.
struct ReadinessCondition {
  std::string name;
  bool is_fulfilled = false;
  /// What is missing, or how far it has got.
  std::string detail;
};

/// /readyz: 200 when all conditions are fulfilled, else 503. Either way a JSON object: `ready`, and for each
/// condition `name`, `ok` and `detail`.
class ReadinessPage final : public HttpPage {
 public:
  /// Asked on the home shard.
  using Conditions = UniqueFunction<std::vector<ReadinessCondition>()>;
  explicit ReadinessPage(Conditions conditions) : conditions_(std::move(conditions)) {}
  Task<HttpRenderer> render() override;

 private:
  Conditions conditions_;
};

}  // namespace gregor
