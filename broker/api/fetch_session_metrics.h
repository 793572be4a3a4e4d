#pragma once

#include "broker/api/fetch_session.h"
#include "broker/metrics/metric_source.h"
#include "runtime/shard.h"

namespace gregor {

/// Kafka's FetchSessionCache metrics, over the sessions of all shards.
class FetchSessionMetrics final : public MetricSource {
 public:
  FetchSessionMetrics(PerShard<FetchSessions>& sessions, const Shards& shards)
      : sessions_(sessions), shards_(shards) {}
  Task<MetricWriter> collect() override;

 private:
  PerShard<FetchSessions>& sessions_;
  const Shards& shards_;
};

}  // namespace gregor
