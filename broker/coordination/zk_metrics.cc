#include "broker/coordination/zk_metrics.h"

namespace gregor {
namespace {

constexpr Distribution kLatency{"kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms",
                                "Milliseconds from sending a request to ZooKeeper to its answer",
                                kNanosecondsPerMillisecond};
constexpr Metric kConnects{Metric::Type::counter, "kafka_server_sessionexpirelistener_zookeepersyncconnects_total",
                           "Connections made to ZooKeeper"};
constexpr Metric kDisconnects{Metric::Type::counter,
                              "kafka_server_sessionexpirelistener_zookeeperdisconnects_total",
                              "Connections to ZooKeeper that were lost"};
constexpr Metric kExpirations{Metric::Type::counter, "kafka_server_sessionexpirelistener_zookeeperexpires_total",
                              "Sessions with ZooKeeper that expired"};
constexpr Metric kAuthFailures{Metric::Type::counter,
                               "kafka_server_sessionexpirelistener_zookeeperauthfailures_total",
                               "Sessions that ZooKeeper refused to authenticate"};

}  // namespace

void ZkMetrics::count(SessionState state) {
  if (state == SessionState::connected) ++connects_;
  if (state == SessionState::connecting) ++disconnects_;
  if (state == SessionState::expired) ++expirations_;
  if (state == SessionState::auth_failed) ++auth_failures_;
}

Task<MetricWriter> ZkMetrics::collect() {
  auto latency = std::make_shared<HistogramTotal>();
  latency->add(latency_, Shard::current()->clock().now());
  MetricWriter writer = [latency, connects = connects_, disconnects = disconnects_, expirations = expirations_,
                         auth_failures = auth_failures_](MetricPage& page) {
    page.add(kLatency, *latency);
    page.add(kConnects, static_cast<double>(connects));
    page.add(kDisconnects, static_cast<double>(disconnects));
    page.add(kExpirations, static_cast<double>(expirations));
    page.add(kAuthFailures, static_cast<double>(auth_failures));
  };
  co_return std::move(writer);
}

}  // namespace gregor
