#pragma once

#include <vector>

#include "broker/metrics/metric_source.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// What one shard's partitions went through since the broker started.
struct IsrCounters {
  uint64_t shrinks = 0;         ///< in-sync sets that this broker, as leader, made smaller
  uint64_t expands = 0;         ///< and larger
  uint64_t failed_updates = 0;  ///< changes of them that were refused
};

/// Kafka's ReplicaManager, Partition, Log and purgatory metrics: how this broker's partitions are.
class ReplicaMetrics final : public MetricSource {
 public:
  /// With `tells_partitions` every partition has series of its own.
  ReplicaMetrics(Partitions& partitions, const Shards& shards, bool tells_partitions)
      : partitions_(partitions), shards_(shards), tells_partitions_(tells_partitions), isr_(shards.size()) {}

  /// The counters of the shard that calls.
  IsrCounters& isr() { return isr_.local(); }
  Task<MetricWriter> collect() override;

 private:
  /// A partition as of the visit.
  struct Row {
    TopicPartition name;
    bool is_leader = false;
    bool is_offline = false;
    int32_t in_sync = 0;
    int32_t replicas = 0;
    int32_t min_in_sync = 0;  ///< min.insync.replicas, but not more than there are
    uint64_t size_bytes = 0;
    size_t segments = 0;
    Offset start;
    Offset end;
    Offset last_stable;
    size_t waiting_produces = 0;
    size_t waiting_fetches = 0;
    size_t producers = 0;

    bool is_under_replicated() const { return is_leader && in_sync < replicas; }
    bool is_under_min() const { return is_leader && in_sync < min_in_sync; }
    bool is_at_min() const { return is_leader && in_sync == min_in_sync; }
  };
  struct Collected {
    std::vector<Row> rows;
    IsrCounters isr;
    HistogramTotal flush_times;
    std::vector<LoadProgress> loads;
  };

  static Row row_of(Partition& partition);
  static void write_totals(MetricPage& page, const Collected& collected);
  static void write_partitions(MetricPage& page, const std::vector<Row>& rows);

  Partitions& partitions_;
  const Shards& shards_;
  const bool tells_partitions_;
  PerShard<IsrCounters> isr_;
};

}  // namespace gregor
