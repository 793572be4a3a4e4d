#include "broker/net/server.h"

#include <algorithm>

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kStopPoll = std::chrono::milliseconds(2);
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
  auto go_on = [this] { update_listeners(); };
  listeners_.push_back(std::make_unique<ListenerGate>(address.listener_name, std::move(*listener), go_on));
  update_listeners();
  return port;
}

bool Server::is_listening(const std::string& listener_name) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const auto& gate) { return gate->name() == listener_name; });
}

Task<void> Server::close_listener(std::string listener_name) {
  std::erase_if(listeners_, [&](const auto& gate) { return gate->name() == listener_name; });
  co_await yield();  // what it accepted last is on its way to a shard, this one perhaps
  for (Shard* shard : shards_) {
    auto shut_down = [this, &listener_name] { shut_down_of(listener_name); };
    co_await on(*shard, shut_down);
  }
  quotas_.forget(listener_name);
}

Shard& Server::next_shard() { return *shards_[next_++ % shards_.size()]; }

// --- who may connect ---

Admission Server::admit(const std::string& listener, const std::string& address) {
  auto decision = quotas_.decide(listener, address, Shard::current()->clock().now());
  update_listeners();
  if (decision.verdict != ConnectionQuotas::Verdict::admit) return refuse(listener, address, decision);
  make_room();
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
  if (is_stopping_) return;
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
  std::string others = untold_ == 0 ? "" : fmt::format(" refused_since_last_line={}", untold_ + 1);
  untold_ = 0;
  log::warn("refused a connection peer={} listener={} reason=\"{}\"{}", peer, listener, reason, others);
  last_told_ = now;
}

void Server::release(const std::string& listener, const std::string& address, bool was_evicted) {
  quotas_.release(listener, address);
  if (was_evicted) --evicting_;
  update_listeners();
  make_room();
}

void Server::update_listeners() {
  Instant now = Shard::current()->clock().now();
  for (auto& gate : listeners_) gate->set(quotas_.hold(gate->name(), now));
}

void Server::make_room() {
  if (is_stopping_ || is_evicting_ || quotas_.excess() <= evicting_) return;
  is_evicting_ = true;
  spawn(evict());
}

Task<void> Server::evict() {
  bool may_find = true;
  while (may_find && !is_stopping_ && quotas_.excess() > evicting_) {
    // Those that come to a shard from now on tell of it, since the search may have been there already.
    lacks_evictable_ = true;
    size_t arrivals = arrivals_;
    ++evicting_;
    bool found = co_await evict_one();
    if (!found) --evicting_;
    may_find = found || arrivals_ != arrivals;
  }
  if (quotas_.excess() <= evicting_) lacks_evictable_ = false;
  is_evicting_ = false;
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
  make_room();
}

Task<void> Server::stop() {
  is_stopping_ = true;
  listeners_.clear();
  for (auto& [timer, socket] : held_) Shard::current()->cancel(timer);
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
  while (quotas_.total() > 0 || is_evicting_) co_await sleep_for(kStopPoll);
}

}  // namespace gregor
