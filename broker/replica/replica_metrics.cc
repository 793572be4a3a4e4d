#include "broker/replica/replica_metrics.h"

#include <algorithm>
#include <memory>

namespace gregor {
namespace {

constexpr Metric gauge(std::string_view name, std::string_view help) { return {Metric::Type::gauge, name, help}; }
constexpr Metric total(std::string_view name, std::string_view help) { return {Metric::Type::counter, name, help}; }

constexpr Metric kPartitions =
    gauge("kafka_server_replicamanager_partitioncount", "Partitions with a replica here");
constexpr Metric kLeaders = gauge("kafka_server_replicamanager_leadercount", "Partitions that this broker leads");
constexpr Metric kOffline =
    gauge("kafka_server_replicamanager_offlinereplicacount", "Partitions whose log has failed");
constexpr Metric kUnderReplicated = gauge("kafka_server_replicamanager_underreplicatedpartitions",
                                          "Partitions led here of which a replica is not in sync");
constexpr Metric kUnderMin = gauge("kafka_server_replicamanager_underminisrpartitioncount",
                                   "Partitions led here with fewer in-sync replicas than min.insync.replicas");
constexpr Metric kAtMin = gauge("kafka_server_replicamanager_atminisrpartitioncount",
                                "Partitions led here with just min.insync.replicas in-sync replicas");
constexpr Metric kShrinks = total("kafka_server_replicamanager_isrshrinks_total", "Replicas that fell out of sync");
constexpr Metric kExpands = total("kafka_server_replicamanager_isrexpands_total", "Replicas that came into sync");
constexpr Metric kFailedUpdates =
    total("kafka_server_replicamanager_failedisrupdates_total", "Changes of in-sync sets that were refused");
constexpr Metric kWaiting =
    gauge("kafka_server_delayedoperationpurgatory_purgatorysize",
          "Requests waiting for replicas (Produce) or records (Fetch), once for each partition");

constexpr Metric kProducers =
    gauge("kafka_server_replicamanager_produceridcount", "Idempotent producers that partitions remember");
constexpr Distribution kFlushTime{"kafka_log_logflushstats_logflushrateandtimems",
                                  "Milliseconds of syncing a log to the disk", kNanosecondsPerMillisecond};
constexpr Metric kToRecover =
    gauge("kafka_log_logmanager_remaininglogstorecover", "Logs of a directory that are not loaded yet");

constexpr Metric kSize = gauge("kafka_log_log_size", "Bytes of a partition's segments");
constexpr Metric kSegments = gauge("kafka_log_log_numlogsegments", "Segments of a partition");
constexpr Metric kStart = gauge("kafka_log_log_logstartoffset", "First offset of a partition");
constexpr Metric kEnd = gauge("kafka_log_log_logendoffset", "Offset that a partition's next record gets");
constexpr Metric kIsUnderReplicated =
    gauge("kafka_cluster_partition_underreplicated", "1 when led here and a replica is not in sync");
constexpr Metric kIsUnderMin =
    gauge("kafka_cluster_partition_underminisr", "1 when led here with too few in-sync replicas");
constexpr Metric kIsAtMin =
    gauge("kafka_cluster_partition_atminisr", "1 when led here with just enough in-sync replicas");
constexpr Metric kInSync =
    gauge("kafka_cluster_partition_insyncreplicascount", "In-sync replicas, 0 when not led here");
constexpr Metric kReplicas = gauge("kafka_cluster_partition_replicascount", "Replicas, 0 when not led here");
constexpr Metric kStableLag = gauge("kafka_cluster_partition_laststableoffsetlag",
                                    "Records that consumers can't see yet, 0 when not led here");

}  // namespace

ReplicaMetrics::Row ReplicaMetrics::row_of(Partition& partition) {
  Row row;
  row.name = partition.name();
  row.is_leader = partition.is_leader();
  row.is_offline = partition.has_failed();
  row.in_sync = static_cast<int32_t>(partition.in_sync().size());
  row.replicas = static_cast<int32_t>(partition.replicas().size());
  row.min_in_sync = std::min(partition.settings().min_insync_replicas, row.replicas);
  row.size_bytes = partition.log().size_bytes();
  row.segments = partition.log().segment_count();
  row.start = partition.log().log_start_offset();
  row.end = partition.log().log_end_offset();
  row.last_stable = partition.high_watermark();
  row.waiting_produces = partition.waiting_produces();
  row.waiting_fetches = partition.waiting_fetches();
  row.producers = partition.log().producers().size();
  return row;
}

Task<MetricWriter> ReplicaMetrics::collect() {
  auto collected = std::make_shared<Collected>();
  auto take = [&collected](Partition& partition) { collected->rows.push_back(row_of(partition)); };
  co_await partitions_.visit_all(take);
  collected->loads = partitions_.load_progress();
  for (Shard* shard : shards_) {
    auto add_up = [this, &collected] {
      collected->flush_times.add(partitions_.flush_times(), Shard::current()->clock().now());
      const IsrCounters& here = isr_.local();
      collected->isr.shrinks += here.shrinks;
      collected->isr.expands += here.expands;
      collected->isr.failed_updates += here.failed_updates;
    };
    co_await on(*shard, add_up);
  }
  bool tells_partitions = tells_partitions_;
  MetricWriter writer = [collected, tells_partitions](MetricPage& page) {
    write_totals(page, *collected);
    if (tells_partitions) write_partitions(page, collected->rows);
  };
  co_return std::move(writer);
}

void ReplicaMetrics::write_totals(MetricPage& page, const Collected& collected) {
  const auto& rows = collected.rows;
  auto count = [&rows](auto is_so) { return static_cast<double>(std::count_if(rows.begin(), rows.end(), is_so)); };
  page.add(kPartitions, static_cast<double>(rows.size()));
  page.add(kLeaders, count([](const Row& row) { return row.is_leader; }));
  page.add(kOffline, count([](const Row& row) { return row.is_offline; }));
  page.add(kUnderReplicated, count([](const Row& row) { return row.is_under_replicated(); }));
  page.add(kUnderMin, count([](const Row& row) { return row.is_under_min(); }));
  page.add(kAtMin, count([](const Row& row) { return row.is_at_min(); }));
  page.add(kShrinks, static_cast<double>(collected.isr.shrinks));
  page.add(kExpands, static_cast<double>(collected.isr.expands));
  page.add(kFailedUpdates, static_cast<double>(collected.isr.failed_updates));
  page.add(kFlushTime, collected.flush_times);
  for (const LoadProgress& load : collected.loads) {
    page.add(kToRecover, static_cast<double>(load.logs - load.loaded), {{"dir", load.directory}});
  }
  size_t producers = 0;
  for (const Row& row : rows) producers += row.producers;
  page.add(kProducers, static_cast<double>(producers));
  size_t produces = 0;
  size_t fetches = 0;
  for (const Row& row : rows) {
    produces += row.waiting_produces;
    fetches += row.waiting_fetches;
  }
  page.add(kWaiting, static_cast<double>(produces), {{"delayedOperation", "Produce"}});
  page.add(kWaiting, static_cast<double>(fetches), {{"delayedOperation", "Fetch"}});
}

void ReplicaMetrics::write_partitions(MetricPage& page, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    MetricLabels labels{{"topic", row.name.topic}, {"partition", std::to_string(row.name.partition)}};
    page.add(kSize, static_cast<double>(row.size_bytes), labels);
    page.add(kSegments, static_cast<double>(row.segments), labels);
    page.add(kStart, static_cast<double>(row.start.value), labels);
    page.add(kEnd, static_cast<double>(row.end.value), labels);
    page.add(kIsUnderReplicated, row.is_under_replicated() ? 1 : 0, labels);
    page.add(kIsUnderMin, row.is_under_min() ? 1 : 0, labels);
    page.add(kIsAtMin, row.is_at_min() ? 1 : 0, labels);
    page.add(kInSync, row.is_leader ? row.in_sync : 0, labels);
    page.add(kReplicas, row.is_leader ? row.replicas : 0, labels);
    auto unstable = static_cast<double>(row.end.value - row.last_stable.value);
    page.add(kStableLag, row.is_leader ? unstable : 0, labels);
  }
}

}  // namespace gregor
