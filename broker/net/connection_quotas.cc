#include "broker/net/connection_quotas.h"

#include <algorithm>

namespace gregor {
namespace {

const ListenerQuota kNoQuota;
// So many addresses' rates are remembered before those that have gone quiet are forgotten.
constexpr size_t kRememberedAddresses = 1024;

int32_t value_or(const std::map<std::string, int32_t>& values, const std::string& key, int32_t fallback) {
  auto found = values.find(key);
  return found == values.end() ? fallback : found->second;
}

bool is_reached(size_t count, int32_t limit) { return count >= static_cast<size_t>(std::max(limit, 0)); }

}  // namespace

ConnectionQuotas::ListenerState& ConnectionQuotas::state_of(const std::string& listener) {
  return listeners_.try_emplace(listener, limits_.rate_windows).first->second;
}

const ListenerQuota& ConnectionQuotas::quota_of(const std::string& listener) const {
  auto found = limits_.listeners.find(listener);
  return found == limits_.listeners.end() ? kNoQuota : found->second;
}

int32_t ConnectionQuotas::max_of_address(const std::string& address) const {
  return value_or(limits_.per_ip_overrides, address, limits_.max_connections_per_ip);
}

std::optional<ConnectionQuotas::Hold> ConnectionQuotas::hold(const std::string& listener, Instant now) const {
  auto state = listeners_.find(listener);
  size_t connections = state == listeners_.end() ? 0 : state->second.connections;
  bool is_full = is_reached(connections, quota_of(listener).max_connections) ||
                 (!is_protected(listener) && is_reached(total_, limits_.max_connections));
  if (is_full) return Hold{HoldReason::max_connections, Instant::max()};
  if (state != listeners_.end() && state->second.waits_until > now) {
    return Hold{HoldReason::creation_rate, state->second.waits_until};
  }
  return std::nullopt;
}

ConnectionQuotas::Decision ConnectionQuotas::decide(const std::string& listener, const std::string& address,
                                                    Instant now) {
  if (Duration delay = record_address_rate(address, now); delay > Duration::zero()) {
    return {Verdict::too_fast_of_address, delay};
  }
  record_rates(listener, now);
  size_t& of_address = addresses_[address];
  if (is_reached(of_address, max_of_address(address))) {
    if (of_address == 0) addresses_.erase(address);
    return {Verdict::too_many_of_address, {}};
  }
  ++of_address;
  ++total_;
  ListenerState& state = state_of(listener);
  ++state.connections;
  state.is_closed = false;
  return {};
}

void ConnectionQuotas::record_rates(const std::string& listener, Instant now) {
  ListenerState& state = state_of(listener);
  Duration delay = state.rate.record(quota_of(listener).max_creation_rate, now);
  if (!is_protected(listener)) delay = std::max(delay, rate_.record(limits_.max_creation_rate, now));
  state.waits_until = now + delay;
}

Duration ConnectionQuotas::record_address_rate(const std::string& address, Instant now) {
  int32_t limit = value_or(limits_.ip_creation_rates, address, limits_.ip_creation_rate);
  if (limit == kNoConnectionLimit) return Duration::zero();
  if (address_rates_.size() >= kRememberedAddresses) forget_idle_addresses(now);
  auto& rate = address_rates_.try_emplace(address, limits_.rate_windows).first->second;
  Duration delay = rate.record(limit, now);
  if (delay > Duration::zero()) rate.take_back();
  return delay;
}

void ConnectionQuotas::forget_idle_addresses(Instant now) {
  std::erase_if(address_rates_, [now](const auto& entry) { return entry.second.is_empty(now); });
}

void ConnectionQuotas::release(const std::string& listener, const std::string& address) {
  --total_;
  auto state = listeners_.find(listener);
  if (--state->second.connections == 0 && state->second.is_closed) listeners_.erase(state);
  auto of_address = addresses_.find(address);
  if (--of_address->second == 0) addresses_.erase(of_address);
}

void ConnectionQuotas::forget(const std::string& listener) {
  auto state = listeners_.find(listener);
  if (state == listeners_.end()) return;
  if (state->second.connections == 0) {
    listeners_.erase(state);
  } else {
    state->second.is_closed = true;
  }
}

size_t ConnectionQuotas::excess() const {
  auto limit = static_cast<size_t>(std::max(limits_.max_connections, 0));
  if (total_ <= limit) return 0;
  auto of_protected = listeners_.find(limits_.protected_listener);
  size_t untouchable = of_protected == listeners_.end() ? 0 : of_protected->second.connections;
  return std::min(total_ - limit, total_ - std::min(untouchable, total_));
}

double ConnectionQuotas::accept_rate(const std::string& listener, Instant now) {
  return state_of(listener).rate.per_second(now);
}

}  // namespace gregor
