#include "broker/api/fetch_session_metrics.h"

namespace gregor {
namespace {

constexpr Metric kSessions{Metric::Type::gauge, "kafka_server_fetchsessioncache_numincrementalfetchsessions",
                           "Fetch sessions"};
constexpr Metric kPartitions{Metric::Type::gauge,
                             "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached",
                             "Partitions that fetch sessions hold"};
constexpr Metric kEvictions{Metric::Type::counter,
                            "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total",
                            "Fetch sessions that gave way to others"};

}  // namespace

Task<MetricWriter> FetchSessionMetrics::collect() {
  FetchSessions::Counts all;
  for (Shard* shard : shards_) {
    auto add_up = [this, &all] {
      FetchSessions::Counts here = sessions_.local().counts();
      all.sessions += here.sessions;
      all.partitions += here.partitions;
      all.evictions += here.evictions;
    };
    co_await on(*shard, add_up);
  }
  MetricWriter writer = [all](MetricPage& page) {
    page.add(kSessions, static_cast<double>(all.sessions));
    page.add(kPartitions, static_cast<double>(all.partitions));
    page.add(kEvictions, static_cast<double>(all.evictions));
  };
  co_return std::move(writer);
}

}  // namespace gregor
