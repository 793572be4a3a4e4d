#include "broker/net/server.h"

namespace gregor {
namespace {

constexpr Metric kConnections{Metric::Type::gauge, "kafka_server_socket_server_metrics_connection_count",
                              "Connections of a listener on one event loop"};
constexpr Metric kCreated{Metric::Type::counter, "kafka_server_socket_server_metrics_connection_creation_total",
                          "Connections that were accepted"};
constexpr Metric kClosed{Metric::Type::counter, "kafka_server_socket_server_metrics_connection_close_total",
                         "Connections that ended"};
constexpr Metric kRate{Metric::Type::gauge, "kafka_server_socket_server_metrics_connection_accept_rate",
                       "Connections a second that a listener took, over the last windows of quota.window.num"};
constexpr Metric kBrokerRate{Metric::Type::gauge,
                             "kafka_server_socket_server_metrics_broker_connection_accept_rate",
                             "Connections a second that all listeners but a protected one took"};
constexpr Metric kExpired{Metric::Type::gauge, "kafka_network_socketserver_expiredconnectionskilledcount",
                          "Connections closed after connections.max.idle.ms without traffic"};
constexpr Metric kHeld{Metric::Type::gauge, "gregor_network_listener_held",
                       "1 while a listener lets connections wait since a limit is reached"};
constexpr Metric kHolds{Metric::Type::counter, "gregor_network_listener_holds_total",
                        "How often a listener began to let connections wait"};
constexpr Metric kNetworkIdle{Metric::Type::gauge, "kafka_network_socketserver_networkprocessoravgidlepercent",
                              "Share of the last minute, 0 to 1, in which event loops had nothing to do"};
constexpr Metric kHandlersIdle{Metric::Type::gauge,
                               "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent",
                               "The same: event loops handle requests, too"};
constexpr Metric kRefused{Metric::Type::counter, "gregor_network_refused_connections_total",
                          "Connections that a limit refused or ended"};
constexpr Metric kMemoryUsed{Metric::Type::gauge, "kafka_network_socketserver_memorypoolused",
                             "Bytes that requests hold of queued.max.request.bytes"};
constexpr Metric kMemoryAvailable{Metric::Type::gauge, "kafka_network_socketserver_memorypoolavailable",
                                  "Bytes that are left of queued.max.request.bytes"};

struct ListenerRow {
  std::string name;
  double accept_rate = 0;
};
struct CountRow {
  std::string listener;
  size_t shard = 0;
  double created = 0;
  double closed = 0;
};
struct RefusalRow {
  std::string listener;
  std::string reason;
  double count = 0;
};
struct HoldRow {
  std::string listener;
  std::string reason;
  bool is_held = false;
  double holds = 0;
};
struct Collected {
  std::vector<ListenerRow> listeners;
  std::vector<HoldRow> holds;
  std::vector<CountRow> counts;
  std::vector<RefusalRow> refusals;
  double accept_rate = 0;
  double expired = 0;
  double idle_ratio = 0;  ///< of all shards together
  double memory_used = 0;
  double memory_left = 0;
};

void write(MetricPage& page, const Collected& collected) {
  for (const auto& row : collected.counts) {
    MetricLabels labels{{"listener", row.listener}, {"networkProcessor", std::to_string(row.shard)}};
    page.add(kConnections, row.created - row.closed, labels);
    page.add(kCreated, row.created, labels);
    page.add(kClosed, row.closed, labels);
  }
  for (const auto& row : collected.listeners) page.add(kRate, row.accept_rate, {{"listener", row.name}});
  page.add(kBrokerRate, collected.accept_rate);
  page.add(kExpired, collected.expired);
  for (const auto& row : collected.holds) {
    MetricLabels labels{{"listener", row.listener}, {"reason", row.reason}};
    page.add(kHeld, row.is_held ? 1 : 0, labels);
    page.add(kHolds, row.holds, labels);
  }
  page.add(kNetworkIdle, collected.idle_ratio);
  page.add(kHandlersIdle, collected.idle_ratio);
  for (const auto& row : collected.refusals) {
    page.add(kRefused, row.count, {{"listener", row.listener}, {"reason", row.reason}});
  }
  page.add(kMemoryUsed, collected.memory_used);
  page.add(kMemoryAvailable, collected.memory_left);
}

}  // namespace

Task<MetricWriter> Server::collect() {
  constexpr std::pair<Refusal, const char*> kReasons[] = {{Refusal::too_many_of_address, "connections_per_ip"},
                                                          {Refusal::too_fast_of_address, "ip_creation_rate"},
                                                          {Refusal::made_room, "max_connections"}};
  constexpr std::pair<ListenerGate::HoldReason, const char*> kHoldReasons[] = {
      {ListenerGate::HoldReason::max_connections, "max_connections"},
      {ListenerGate::HoldReason::creation_rate, "creation_rate"}};
  auto collected = std::make_shared<Collected>();
  Instant now = Shard::current()->clock().now();
  for (const auto& gate : listeners_) {
    collected->listeners.push_back({gate->name(), quotas_.accept_rate(gate->name(), now)});
    for (const auto& [why, reason] : kReasons) {
      auto found = refusals_.find({gate->name(), why});
      double count = found == refusals_.end() ? 0 : static_cast<double>(found->second);
      collected->refusals.push_back({gate->name(), reason, count});
    }
    for (const auto& [why, reason] : kHoldReasons) {
      auto holds = static_cast<double>(gate->holds(why));
      collected->holds.push_back({gate->name(), reason, gate->is_held(why), holds});
    }
  }
  collected->accept_rate = quotas_.accept_rate(now);
  size_t used = budget_.used_bytes();
  collected->memory_used = static_cast<double>(used);
  collected->memory_left = static_cast<double>(budget_.limit_bytes() - std::min(used, budget_.limit_bytes()));
  for (Shard* shard : shards_) {
    auto copy = [this, &collected, shard] {
      const Local& local = local_.local();
      collected->expired += static_cast<double>(local.expired);
      collected->idle_ratio += shard->idle_ratio() / static_cast<double>(shards_.size());
      for (const auto& [listener, counts] : local.counts) {
        collected->counts.push_back(
            {listener, shard->index(), static_cast<double>(counts.created), static_cast<double>(counts.closed)});
      }
    };
    co_await on(*shard, copy);
  }
  MetricWriter writer = [collected](MetricPage& page) { write(page, *collected); };
  co_return std::move(writer);
}

}  // namespace gregor
