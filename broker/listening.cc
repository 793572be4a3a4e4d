// The broker's listeners: opened, registered, and changed while it runs.

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/config/options.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

const Endpoint* find_listener(const std::vector<Endpoint>& endpoints, const std::string& name) {
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.listener_name == name) return &endpoint;
  }
  return nullptr;
}

/// Listeners may be added while the broker runs; to close one, or to move it to another port, takes a restart.
Result<void> check_listeners_stay(const BrokerConfig& now, const BrokerConfig& next) {
  for (const Endpoint& endpoint : now.listeners()) {
    const Endpoint* after = find_listener(next.listeners(), endpoint.listener_name);
    if (after != nullptr && *after == endpoint) continue;
    return Error{make_error_code(ErrorCode::invalid_config),
                 "Listener " + endpoint.to_string() + " can't be removed or moved without a restart"};
  }
  return {};
}

}  // namespace

Result<void> Broker::listen() {
  const BrokerConfig& config = live_config_.get();
  for (const auto& endpoint : config.listeners()) {
    if (bound_ports_.contains(endpoint.listener_name)) continue;
    auto port = server_->listen({endpoint.listener_name, endpoint.host, static_cast<uint16_t>(endpoint.port)});
    if (!port) return port.error();
    bound_ports_[endpoint.listener_name] = *port;
  }
  advertised_.clear();
  for (const auto& endpoint : config.advertised_listeners()) {
    int32_t port = endpoint.port != 0 ? endpoint.port : bound_ports_[endpoint.listener_name];
    advertised_.push_back(
        {endpoint.listener_name, endpoint.host, port, static_cast<int16_t>(endpoint.security_protocol)});
  }
  return {};
}

zk::BrokerRegistration Broker::registration() const {
  zk::BrokerRegistration registration;
  registration.id = id_.value;
  registration.timestamp_ms = runtime_.clock.wall_ms();
  registration.rack = config_.get(options::broker_rack);
  for (const auto& endpoint : advertised_) {
    auto protocol = static_cast<SecurityProtocol>(endpoint.security_protocol);
    registration.endpoints.push_back(
        {endpoint.listener_name, endpoint.host, endpoint.port, std::string(name_of(protocol))});
  }
  return registration;
}

std::string Broker::advertised_text() const {
  std::string text;
  for (const auto& endpoint : advertised_) {
    text +=
        fmt::format("{}{}://{}:{}", text.empty() ? "" : ",", endpoint.listener_name, endpoint.host, endpoint.port);
  }
  return text;
}

void Broker::register_listeners_as_reconfigurable() {
  dynamic_config_.add_check(check_listeners_stay);
  dynamic_config_.on_change_await(
      options_of(options::listeners, options::advertised_listeners, options::listener_security_protocol_map),
      [this](const BrokerConfig&, const BrokerConfig&) { return update_listeners(); });
}

Task<void> Broker::update_listeners() {
  if (registered_session_ == 0) co_return;  // not listening yet
  if (Result<void> listening = listen(); !listening) {
    log::error("could not open a listener reason=\"{}\"", listening.error().message);
  }
  std::string path = zk::paths::broker(id_.value);
  std::string text = registration().encode();
  Result<ZkStat> written = co_await zookeeper_->set(path, text, kAnyVersion);
  if (!written) {
    log::error("could not register the changed listeners reason=\"{}\"", written.error().message);
    co_return;
  }
  log::info("registered changed listeners listeners={}", advertised_text());
}

}  // namespace gregor
