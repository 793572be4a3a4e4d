#include "zk-schema/brokers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "brokers.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {
namespace {

constexpr int32_t kWrittenVersion = 5;

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::toupper(c); });
  return result;
}

/// What a listener speaks: as the map says or, before version 4 brought the map, what its name says.
std::optional<std::string> security_protocol(const json::Broker& broker, const std::string& listener) {
  const auto& map = broker.listener_security_protocol_map();
  if (map.empty()) {
    for (const char* protocol : {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}) {
      if (listener == protocol) return listener;
    }
    return std::nullopt;
  }
  for (const auto& [name, protocol] : map) {
    if (upper(name) == listener) return protocol;
  }
  return std::nullopt;
}

/// Parses LISTENER://host:port, without the security protocol.
std::optional<Endpoint> parse_connection_string(std::string_view text) {
  size_t scheme_end = text.find("://");
  size_t colon = text.rfind(':');
  if (scheme_end == std::string_view::npos || colon <= scheme_end + 2) return std::nullopt;
  Endpoint endpoint;
  endpoint.listener = upper(text.substr(0, scheme_end));
  std::string_view host = text.substr(scheme_end + 3, colon - scheme_end - 3);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  std::string_view port = text.substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return endpoint;
}

Result<std::vector<Endpoint>> decode_endpoints(const json::Broker& broker) {
  if (broker.version() == 1) {
    Endpoint only{"PLAINTEXT", broker.host().string_value(), broker.port(), "PLAINTEXT"};
    return std::vector<Endpoint>{std::move(only)};
  }
  std::vector<Endpoint> endpoints;
  for (const std::string& text : broker.endpoints()) {
    auto endpoint = parse_connection_string(text);
    if (!endpoint) return json::malformed("broker", "endpoint " + text);
    auto protocol = security_protocol(broker, endpoint->listener);
    if (!protocol) return json::malformed("broker", "no security protocol for endpoint " + text);
    endpoint->security_protocol = std::move(*protocol);
    endpoints.push_back(std::move(*endpoint));
  }
  return endpoints;
}

/// Clients from before version 2 know one address only, and PLAINTEXT only.
void set_plaintext_address(const std::vector<Endpoint>& endpoints, json::Broker& broker) {
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.security_protocol != "PLAINTEXT") continue;
    broker.mutable_host()->set_string_value(endpoint.host);
    broker.set_port(endpoint.port);
    return;
  }
  broker.mutable_host()->set_null_value(google::protobuf::NULL_VALUE);
  broker.set_port(-1);
}

}  // namespace

std::string Endpoint::address() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::string Endpoint::connection_string() const { return fmt::format("{}://{}", listener, address()); }

std::string BrokerRegistration::encode() const {
  json::Broker broker;
  broker.set_version(kWrittenVersion);
  set_plaintext_address(endpoints, broker);
  for (const Endpoint& endpoint : endpoints) {
    broker.add_endpoints(endpoint.connection_string());
    (*broker.mutable_listener_security_protocol_map())[endpoint.listener] = endpoint.security_protocol;
  }
  broker.set_jmx_port(jmx_port);
  broker.set_timestamp(timestamp_ms);
  if (rack) broker.set_rack(*rack);
  for (const auto& [name, range] : features) {
    auto& written = (*broker.mutable_features())[name];
    written.set_min_version(range.min_version);
    written.set_max_version(range.max_version);
  }
  return json::to_json(broker);
}

Result<BrokerRegistration> BrokerRegistration::decode(int32_t id, std::string_view text) {
  auto broker = json::from_json<json::Broker>(text);
  if (!broker) return broker.error();
  if (broker->version() < 1) return json::malformed("broker", fmt::format("version {}", broker->version()));
  auto endpoints = decode_endpoints(*broker);
  if (!endpoints) return endpoints.error();
  BrokerRegistration registration;
  registration.id = id;
  registration.endpoints = std::move(*endpoints);
  registration.jmx_port = broker->jmx_port();
  registration.timestamp_ms = broker->timestamp();
  if (broker->has_rack()) registration.rack = broker->rack();
  for (const auto& [name, range] : broker->features()) {
    registration.features[name] = {range.min_version(), range.max_version()};
  }
  return registration;
}

}  // namespace gregor::zk
