#pragma once

#include <memory>

#include "broker/coordination/zookeeper.h"
#include "broker/metrics/metric_source.h"

namespace gregor {

/// Kafka's ZooKeeperClientMetrics and SessionExpireListener: how ZooKeeper serves this broker. On the client's
/// shard, which is that of the scrape.
class ZkMetrics final : public MetricSource {
 public:
  void count(SessionState state);
  void record_latency(Duration latency, Instant now) { latency_.record(latency, now); }
  Task<MetricWriter> collect() override;

 private:
  Histogram latency_;
  uint64_t connects_ = 0;
  uint64_t disconnects_ = 0;
  uint64_t expirations_ = 0;
  uint64_t auth_failures_ = 0;
};

}  // namespace gregor
