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

}  // namespace

/// Binds every listener and lets it go again. Clients that came before the logs are loaded would wait for nothing;
/// so until then they are refused, and go to another broker.
Result<void> Broker::check_listeners_are_free() const {
  for (const auto& endpoint : live_config_.get().listeners()) {
    auto refuse = [](const std::string&) { return Admission(); };
    auto bound = runtime_.network.listen(endpoint.host, static_cast<uint16_t>(endpoint.port),
                                         listen_options(config_), refuse);
    if (!bound) return bound.error();
  }
  return {};
}

/// Opens the listeners that are not open yet. Those that can't be opened are left out; the error is the first
/// one's.
Result<void> Broker::listen() {
  const BrokerConfig& config = live_config_.get();
  Result<void> opened;
  for (const auto& endpoint : config.listeners()) {
    if (bound_ports_.contains(endpoint.listener_name)) continue;
    auto port = server_->listen({endpoint.listener_name, endpoint.host, static_cast<uint16_t>(endpoint.port)});
    if (port) {
      bound_ports_[endpoint.listener_name] = *port;
    } else if (opened) {
      opened = port.error();
    }
  }
  advertised_.clear();
  for (const auto& endpoint : config.advertised_listeners()) {
    if (!bound_ports_.contains(endpoint.listener_name)) continue;
    int32_t port = endpoint.port != 0 ? endpoint.port : bound_ports_[endpoint.listener_name];
    advertised_.push_back(
        {endpoint.listener_name, endpoint.host, port, static_cast<int16_t>(endpoint.security_protocol)});
  }
  return opened;
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
  dynamic_config_.on_change_await(
      options_of(options::listeners, options::advertised_listeners, options::listener_security_protocol_map),
      [this](const BrokerConfig& before, const BrokerConfig& now) { return update_listeners(before, now); });
}

/// Listeners come and go by their names. One that stays keeps its socket, as in Kafka: another address in its place
/// is told to clients, but only listened at after a restart.
Task<void> Broker::update_listeners(const BrokerConfig& before, const BrokerConfig& now) {
  if (registered_session_ == 0) co_return;  // not listening yet
  for (const Endpoint& endpoint : before.listeners()) {
    const Endpoint* after = find_listener(now.listeners(), endpoint.listener_name);
    if (after == nullptr) {
      co_await server_->close_listener(endpoint.listener_name);
      bound_ports_.erase(endpoint.listener_name);
      log::info("closed a listener listener={}", endpoint.to_string());
    } else if (*after != endpoint) {
      log::warn("a listener stays where it is until a restart listener={} wanted={}", endpoint.to_string(),
                after->to_string());
    }
  }
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
