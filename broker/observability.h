#pragma once

#include <memory>
#include <string>

#include "broker/admin/pages.h"
#include "broker/config/broker_config.h"
#include "broker/metrics/process_metrics.h"
#include "runtime/background_pool.h"

namespace gregor {

/// Kafka's BrokerState numbers.
enum class BrokerState { not_running = 0, starting = 1, recovery = 2, running = 3, shutting_down = 7 };

/// What the broker says of itself as a whole.
class BrokerStatus final : public MetricSource {
 public:
  explicit BrokerStatus(int64_t start_ms) : start_ms_(start_ms) {}
  void set_state(BrokerState state) { state_ = state; }
  void set_identity(int32_t broker_id, std::string cluster_id);
  Task<MetricWriter> collect() override;

 private:
  const int64_t start_ms_;  ///< since 1970-01-01 UTC
  BrokerState state_ = BrokerState::not_running;
  std::string broker_id_;
  std::string cluster_id_;
};

/// What people and programs can see of a broker by HTTP: /metrics, /healthz and /readyz. On shard 0.
class Observability {
 public:
  Observability(const Shards& shards, int64_t start_ms, ReadinessPage::Conditions conditions);

  BrokerStatus& status() { return status_; }
  /// From now on /metrics has what `source` tells. The source outlives this.
  void add(MetricSource& source) { metrics_page_.add(source); }
  /// Begins to serve at `listener`; where that can't be, the log tells, and the broker does without.
  void start(const std::optional<Endpoint>& listener);
  /// Where it serves, as `http://host:port`; empty when it doesn't.
  const std::string& address() const { return address_; }
  /// Ends serving; afterwards nothing is asked any more.
  Task<void> stop(BackgroundPool& pool);

 private:
  const Shards& shards_;
  BrokerStatus status_;
  ProcessMetrics process_;
  MetricsPage metrics_page_;
  HealthPage health_page_;
  ReadinessPage readiness_page_;
  std::string address_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace gregor
