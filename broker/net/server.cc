#include "broker/net/server.h"

#include <algorithm>

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kStopPoll = std::chrono::milliseconds(2);
constexpr Duration kMinSweepInterval = std::chrono::milliseconds(10);
// Refusals are told of this often at most.
constexpr Duration kTellInterval = std::chrono::seconds(1);

}  // namespace

ConnectionSlot::ConnectionSlot(ConnectionSlot&& other) noexcept
    : server_(std::exchange(other.server_, nullptr)),
      listener_(std::move(other.listener_)),
      address_(std::move(other.address_)),
      is_evicted_(other.is_evicted_) {}

ConnectionSlot::~ConnectionSlot() {
  if (server_ == nullptr) return;
  server_->home().post([server = server_, listener = std::move(listener_), address = std::move(address_),
                        was_evicted = is_evicted_] { server->release(listener, address, was_evicted); });
}

Server::Server(Network& network, const Shards& shards, FrameHandler& handler, MemoryBudget& budget,
               ServerConfig config)
    : network_(network),
      shards_(shards),
      handler_(handler),
      budget_(budget),
      listen_options_(config.listen),
      limits_(config.limits),
      quotas_(config.limits.quotas),
      local_(shards.size()) {
  for (size_t i = 0; i < shards.size(); ++i) {
    local_.at(i).limits = limits_.connection;
    local_.at(i).max_idle = limits_.max_idle;
  }
}

Result<uint16_t> Server::listen(ListenAddress address) {
  auto admit_here = [this, name = address.listener_name](const std::string& peer) { return admit(name, peer); };
  auto listener = network_.listen(address.host, address.port, listen_options_, std::move(admit_here));
  if (!listener) return listener.error();
  uint16_t port = (*listener)->port();
  listeners_.push_back({address.listener_name, std::move(*listener)});
  update_listeners();
  return port;
}

Shard& Server::next_shard() { return *shards_[next_++ % shards_.size()]; }

// --- who may connect ---

Admission Server::admit(const std::string& listener, const std::string& address) {
  auto decision = quotas_.decide(listener, address, Shard::current()->clock().now());
  update_listeners();
  if (decision.verdict != ConnectionQuotas::Verdict::admit) return refuse(listener, address, decision);
  if (quotas_.excess() > evicting_) spawn(evict());
  auto take = [this, slot = ConnectionSlot(*this, listener, address)](std::unique_ptr<Socket> socket) mutable {
    accepted(std::move(slot), std::move(socket));
  };
  return {&next_shard(), std::move(take)};
}

Admission Server::refuse(const std::string& listener, const std::string& address,
                         const ConnectionQuotas::Decision& decision) {
  if (decision.verdict == ConnectionQuotas::Verdict::too_many_of_address) {
    count_refusal(Refusal::too_many_of_address, listener, address);
    return {};
  }
  count_refusal(Refusal::too_fast_of_address, listener, address);
  auto keep = [this, delay = decision.delay](std::unique_ptr<Socket> socket) { hold(std::move(socket), delay); };
  return {&home(), std::move(keep)};
}

void Server::hold(std::unique_ptr<Socket> socket, Duration delay) {
  auto place = std::make_shared<TimerId>(0);
  *place = Shard::current()->call_after(delay, [this, place] { held_.erase(*place); });
  held_.emplace(*place, std::move(socket));
}

void Server::count_refusal(Refusal why, const std::string& listener, const std::string& peer) {
  ++refusals_[{listener, why}];
  Instant now = Shard::current()->clock().now();
  if (last_told_ != Instant() && now - last_told_ < kTellInterval) {
    ++untold_;
    return;
  }
  const char* reason = why == Refusal::too_many_of_address ? "its address has max.connections.per.ip already"
                       : why == Refusal::too_fast_of_address
                           ? "its address connects too often"
                           : "max.connections is exceeded, it was used least recently";
  log::warn("refused a connection peer={} listener={} reason=\"{}\" untold_before={}", peer, listener, reason,
            std::exchange(untold_, 0));
  last_told_ = now;
}

void Server::release(const std::string& listener, const std::string& address, bool was_evicted) {
  quotas_.release(listener, address);
  if (was_evicted) --evicting_;
  update_listeners();
}

void Server::update_listeners() {
  Shard& shard = *Shard::current();
  Instant now = shard.clock().now();
  for (Listening& listening : listeners_) {
    shard.cancel(std::exchange(listening.resumption, 0));
    auto until = quotas_.wait_to_accept(listening.name, now);
    if (!until) {
      listening.listener->resume();
      continue;
    }
    listening.listener->pause();
    if (*until != Instant::max()) {
      listening.resumption = shard.call_at(*until, [this] { update_listeners(); });
    }
  }
}

Task<void> Server::evict() {
  while (quotas_.excess() > evicting_) {
    ++evicting_;
    bool found = co_await evict_one();
    if (found) continue;
    --evicting_;
    co_return;
  }
}

Task<bool> Server::evict_one() {
  std::string spared = limits_.quotas.protected_listener;
  Shard* oldest_on = nullptr;
  Instant oldest = Instant::max();
  for (Shard* shard : shards_) {
    auto look = [this, &spared] {
      Served* found = least_recently_used(spared);
      return found == nullptr ? Instant::max() : found->connection->last_active();
    };
    Instant here = co_await on(*shard, look);
    if (here >= oldest) continue;
    oldest = here;
    oldest_on = shard;
  }
  if (oldest_on == nullptr) co_return false;
  std::string peer;
  std::string listener;
  auto end = [this, &spared, &peer, &listener] {
    Served* found = least_recently_used(spared);
    if (found == nullptr) return false;
    peer = found->connection->peer();
    listener = found->slot.listener();
    found->slot.mark_evicted();
    found->connection->shut_down();
    return true;
  };
  bool ended = co_await on(*oldest_on, end);
  if (ended) count_refusal(Refusal::made_room, listener, peer);
  co_return ended;
}

Task<void> Server::set_limits(ServerLimits limits) {
  limits_ = std::move(limits);
  quotas_.set_limits(limits_.quotas);
  update_listeners();
  for (Shard* shard : shards_) {
    auto take = [this] { take_limits(limits_); };
    co_await on(*shard, take);
  }
  co_await evict();
}

// --- connections on their shards ---

void Server::accepted(ConnectionSlot slot, std::unique_ptr<Socket> socket) {
  Local& local = local_.local();
  if (local.stopping) return;
  ++local.counts[slot.listener()].created;
  auto made = std::make_unique<Connection>(std::move(socket), slot.listener(), handler_, budget_, local.limits);
  Connection& connection = *made;
  local.connections.emplace(&connection, Served{std::move(made), std::move(slot)});
  if (local.idle_sweep == 0) schedule_sweep();
  spawn(serve(connection));
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
    if (served.connection->last_active() >= oldest) continue;
    log::debug("closing idle connection peer={}", served.connection->peer());
    served.connection->shut_down();
  }
  local.idle_sweep = 0;
  if (!local.connections.empty()) schedule_sweep();
}

void Server::shut_down_all() {
  Local& local = local_.local();
  local.stopping = true;
  Shard::current()->cancel(local.idle_sweep);
  for (auto& [key, served] : local.connections) served.connection->shut_down();
}

Task<void> Server::stop() {
  for (Listening& listening : listeners_) Shard::current()->cancel(listening.resumption);
  listeners_.clear();
  held_.clear();
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
  // Their slots come home as messages, which must not come to a server that is gone.
  while (quotas_.total() > 0) co_await sleep_for(kStopPoll);
}

}  // namespace gregor
