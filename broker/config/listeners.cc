#include "broker/config/listeners.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/config/broker_config.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

std::string names_of(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string_view> names;
  for (const Endpoint& endpoint : endpoints) names.push_back(endpoint.listener_name);
  return fmt::format("{}", fmt::join(names, ", "));
}

const Endpoint* find_listener(const std::vector<Endpoint>& endpoints, std::string_view name) {
  auto found = std::find_if(endpoints.begin(), endpoints.end(),
                            [&](const Endpoint& endpoint) { return endpoint.listener_name == name; });
  return found == endpoints.end() ? nullptr : &*found;
}

Result<std::vector<Endpoint>> listening_endpoints(const std::string& text, const SecurityProtocolMap& protocols) {
  auto endpoints = parse_endpoints("listeners", text, protocols);
  if (!endpoints) return endpoints;
  if (endpoints->empty()) return invalid_value("listeners", text, "there must be at least one listener");
  if (int32_t port = shared_port(*endpoints); port != 0) {
    return invalid_value(
        "listeners", text,
        fmt::format("port {} comes twice, which only an IPv4 and an IPv6 address may share", port));
  }
  for (const Endpoint& endpoint : *endpoints) {
    if (endpoint.security_protocol == SecurityProtocol::plaintext) continue;
    return invalid_value("listeners", text,
                         fmt::format("listener {} uses {}, and only PLAINTEXT is supported so far",
                                     endpoint.listener_name, name_of(endpoint.security_protocol)));
  }
  return endpoints;
}

/// Error unless every advertised listener also listens, at an address that others can reach.
Result<void> check_advertised(const std::vector<Endpoint>& advertised, const std::vector<Endpoint>& listening) {
  if (advertised.empty()) return invalid_value("advertised.listeners", "", "there must be at least one listener");
  for (const Endpoint& endpoint : advertised) {
    if (find_listener(listening, endpoint.listener_name) == nullptr) {
      return invalid_value("advertised.listeners", endpoint.to_string(),
                           "must have the name of one of listeners: " + names_of(listening));
    }
    if (endpoint.host == "0.0.0.0") {
      return invalid_value(
          "advertised.listeners", endpoint.to_string(),
          "nobody can connect to 0.0.0.0; it must be an address by which others reach this broker");
    }
  }
  return {};
}

Result<std::vector<Endpoint>> advertised_endpoints(const BrokerConfig& config, const SecurityProtocolMap& protocols,
                                                   const std::vector<Endpoint>& listening) {
  auto text = config.get(options::advertised_listeners);
  auto advertised = text ? parse_endpoints("advertised.listeners", *text, protocols) : listening;
  if (!advertised) return advertised;
  if (auto checked = check_advertised(*advertised, listening); !checked) return checked.error();
  return advertised;
}

Result<Endpoint> inter_broker_endpoint(const BrokerConfig& config, const std::vector<Endpoint>& advertised) {
  auto name = config.get(options::inter_broker_listener_name);
  std::string protocol = config.get(options::security_inter_broker_protocol);
  if (name && config.originals().contains("security.inter.broker.protocol")) {
    return invalid_value("inter.broker.listener.name", *name,
                         "must not be set together with security.inter.broker.protocol");
  }
  const Endpoint* found = find_listener(advertised, normalized_listener_name(name.value_or(protocol)));
  if (found != nullptr) return *found;
  return invalid_value(name ? "inter.broker.listener.name" : "security.inter.broker.protocol",
                       name.value_or(protocol), "must name one of advertised.listeners: " + names_of(advertised));
}

}  // namespace

Result<Listeners> resolve_listeners(const BrokerConfig& config, const std::string& host_name) {
  auto protocols = parse_security_protocol_map(config.get(options::listener_security_protocol_map));
  if (!protocols) return protocols.error();
  auto listening = listening_endpoints(config.get(options::listeners), *protocols);
  if (!listening) return listening.error();
  auto advertised = advertised_endpoints(config, *protocols, *listening);
  if (!advertised) return advertised.error();
  for (Endpoint& endpoint : *advertised) {
    if (endpoint.host.empty()) endpoint.host = host_name;
  }
  auto inter_broker = inter_broker_endpoint(config, *advertised);
  if (!inter_broker) return inter_broker.error();
  return Listeners{*listening, *advertised, *inter_broker};
}

}  // namespace gregor
