// What a server does on each of its shards: the connections that live there.

#include <algorithm>

#include "broker/net/server.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kMinSweepInterval = std::chrono::milliseconds(10);

}  // namespace

void Server::accepted(ConnectionSlot slot, std::unique_ptr<Socket> socket) {
  Local& local = local_.local();
  if (local.stopping) return;
  ++local.counts[slot.listener()].created;
  auto made = std::make_unique<Connection>(std::move(socket), slot.listener(), handler_, budget_, local.limits);
  Connection& connection = *made;
  local.connections.emplace(&connection, Served{std::move(made), std::move(slot)});
  if (local.idle_sweep == 0) schedule_sweep();
  spawn(serve(connection));
  if (!lacks_evictable_) return;
  home().post([this] {
    ++arrivals_;
    make_room();
  });
}

Task<void> Server::serve(Connection& connection) {
  co_await connection.serve();
  Local& local = local_.local();
  auto served = local.connections.extract(&connection);
  ++local.counts[served.mapped().slot.listener()].closed;
}

Server::Served* Server::least_recently_used(const std::string& protected_listener) {
  Served* oldest = nullptr;
  for (auto& [key, served] : local_.local().connections) {
    if (served.slot.is_evicted() || served.slot.listener() == protected_listener) continue;
    if (oldest != nullptr && served.connection->last_active() >= oldest->connection->last_active()) continue;
    oldest = &served;
  }
  return oldest;
}

void Server::take_limits(const ServerLimits& limits) {
  Local& local = local_.local();
  local.limits = limits.connection;
  local.max_idle = limits.max_idle;
  Shard::current()->cancel(std::exchange(local.idle_sweep, 0));
  if (!local.stopping && !local.connections.empty()) schedule_sweep();
}

void Server::schedule_sweep() {
  Local& local = local_.local();
  if (local.max_idle < Duration::zero()) return;
  Duration interval = std::max<Duration>(local.max_idle / 2, kMinSweepInterval);
  local.idle_sweep = Shard::current()->call_after(interval, [this] { sweep_idle(); });
}

void Server::sweep_idle() {
  Local& local = local_.local();
  Instant oldest = Shard::current()->clock().now() - local.max_idle;
  for (auto& [key, served] : local.connections) {
    if (served.is_expired || served.connection->last_active() >= oldest) continue;
    log::debug("closing idle connection peer={}", served.connection->peer());
    served.is_expired = true;
    ++local.expired;
    served.connection->shut_down();
  }
  local.idle_sweep = 0;
  if (!local.connections.empty()) schedule_sweep();
}

void Server::shut_down_of(const std::string& listener) {
  for (auto& [key, served] : local_.local().connections) {
    if (served.slot.listener() == listener) served.connection->shut_down();
  }
}

void Server::shut_down_all() {
  Local& local = local_.local();
  local.stopping = true;
  Shard::current()->cancel(local.idle_sweep);
  for (auto& [key, served] : local.connections) served.connection->shut_down();
}

}  // namespace gregor
