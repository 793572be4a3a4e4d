#include "broker/net/server.h"

#include <algorithm>

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kStopPoll = std::chrono::milliseconds(2);
constexpr Duration kMinSweepInterval = std::chrono::milliseconds(10);

}  // namespace

Server::Server(Network& network, const Shards& shards, FrameHandler& handler, MemoryBudget& budget,
               ServerConfig config)
    : network_(network),
      shards_(shards),
      handler_(handler),
      budget_(budget),
      config_(config),
      local_(shards.size()) {}

Result<uint16_t> Server::listen(ListenAddress address) {
  auto listener = network_.listen(
      address.host, address.port, config_.backlog, [this]() -> Shard& { return next_shard(); },
      [this, name = address.listener_name](std::unique_ptr<Socket> socket) { accepted(name, std::move(socket)); });
  if (!listener) return listener.error();
  uint16_t port = (*listener)->port();
  listeners_.push_back(std::move(*listener));
  return port;
}

Shard& Server::next_shard() { return *shards_[next_++ % shards_.size()]; }

void Server::accepted(const std::string& listener_name, std::unique_ptr<Socket> socket) {
  Local& local = local_.local();
  if (local.stopping) return;
  auto made = std::make_unique<Connection>(std::move(socket), listener_name, handler_, budget_, config_.limits);
  Connection& connection = *made;
  local.connections.emplace(&connection, std::move(made));
  if (local.idle_sweep == 0 && config_.max_idle >= Duration::zero()) {
    local.idle_sweep = Shard::current()->call_after(sweep_interval(), [this] { sweep_idle(); });
  }
  spawn(serve(connection));
}

Task<void> Server::serve(Connection& connection) {
  co_await connection.serve();
  local_.local().connections.erase(&connection);
}

Duration Server::sweep_interval() const { return std::max<Duration>(config_.max_idle / 2, kMinSweepInterval); }

void Server::sweep_idle() {
  Local& local = local_.local();
  Instant oldest = Shard::current()->clock().now() - config_.max_idle;
  for (auto& [key, connection] : local.connections) {
    if (connection->last_active() >= oldest) continue;
    log::debug("closing idle connection peer={}", connection->peer());
    connection->shut_down();
  }
  local.idle_sweep =
      local.connections.empty() ? 0 : Shard::current()->call_after(sweep_interval(), [this] { sweep_idle(); });
}

void Server::shut_down_all() {
  Local& local = local_.local();
  local.stopping = true;
  Shard::current()->cancel(local.idle_sweep);
  for (auto& [key, connection] : local.connections) connection->shut_down();
}

Task<void> Server::stop() {
  listeners_.clear();
  for (size_t i = 0; i < shards_.size(); ++i) {
    auto shut_down = [this] { shut_down_all(); };
    co_await on(*shards_[i], shut_down);
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    bool ended = false;
    while (!ended) {
      auto none_left = [this] { return local_.local().connections.empty(); };
      ended = co_await on(*shards_[i], none_left);
      if (!ended) co_await sleep_for(kStopPoll);
    }
  }
}

}  // namespace gregor
