#include "broker/observability.h"

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Metric kState{Metric::Type::gauge, "kafka_server_kafkaserver_brokerstate",
                        "0 not running, 1 starting, 2 recovering logs, 3 running, 7 shutting down"};
constexpr Metric kInfo{Metric::Type::gauge, "kafka_server_app_info", "1, with what runs here in the labels"};
constexpr Metric kStart{Metric::Type::gauge, "kafka_server_app_info_start_time_ms",
                        "When the broker started, in milliseconds since 1970-01-01 UTC"};

}  // namespace

void BrokerStatus::set_identity(int32_t broker_id, std::string cluster_id) {
  broker_id_ = std::to_string(broker_id);
  cluster_id_ = std::move(cluster_id);
}

Task<MetricWriter> BrokerStatus::collect() {
  MetricWriter writer = [state = state_, start_ms = start_ms_, id = broker_id_,
                         cluster = cluster_id_](MetricPage& page) {
    page.add(kState, static_cast<double>(state));
    page.add(kInfo, 1, {{"id", id}, {"version", GREGOR_VERSION}, {"cluster_id", cluster}});
    page.add(kStart, static_cast<double>(start_ms), {{"id", id}});
  };
  co_return std::move(writer);
}

Observability::Observability(const Shards& shards, int64_t start_ms, ReadinessPage::Conditions conditions)
    : shards_(shards), status_(start_ms), health_page_(shards), readiness_page_(std::move(conditions)) {
  metrics_page_.add(status_);
  metrics_page_.add(process_);
}

void Observability::start(const std::optional<Endpoint>& listener) {
  if (!listener) return;
  HttpPages pages{{"/metrics", &metrics_page_}, {"/healthz", &health_page_}, {"/readyz", &readiness_page_}};
  auto started = HttpServer::start(listener->host, static_cast<uint16_t>(listener->port), *shards_[0], pages);
  if (!started) {
    log::warn("no metrics and health pages are served, gregor.http.listener can't be used reason=\"{}\"",
              started.error().message);
    return;
  }
  server_ = std::move(*started);
  Endpoint bound = *listener;
  bound.listener_name = "http";
  bound.port = server_->port();
  address_ = bound.to_string();
  log::info("serves metrics and health address={}", address_);
}

Task<void> Observability::stop(BackgroundPool& pool) {
  if (!server_) co_return;
  auto end = [this] { server_.reset(); };
  co_await in_background(pool, end);
}

}  // namespace gregor
