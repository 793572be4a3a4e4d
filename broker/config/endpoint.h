#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor {

/// How a listener's connections are secured; the numbers are Kafka's, as in znodes and requests.
enum class SecurityProtocol : int16_t { plaintext = 0, ssl = 1, sasl_plaintext = 2, sasl_ssl = 3 };

/// The name that Kafka prints, for example SASL_SSL.
std::string_view name_of(SecurityProtocol protocol);

/// One address of a broker under the name of its listener.
struct Endpoint {
  std::string listener_name;  ///< in capitals
  SecurityProtocol security_protocol = SecurityProtocol::plaintext;
  std::string host;  ///< IPv6 without brackets; empty where a listener takes every interface
  int32_t port = 0;  ///< 0 lets the operating system choose

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  /// `NAME://host:port`, IPv6 in brackets.
  std::string to_string() const;
};

/// The security protocol of every listener name.
using SecurityProtocolMap = std::map<std::string, SecurityProtocol, std::less<>>;

/// A listener's name as it is compared: in capitals, without blanks around it.
std::string normalized_listener_name(std::string_view name);
/// Reads `NAME:PROTOCOL,...`. Error: invalid_config, naming listener.security.protocol.map.
Result<SecurityProtocolMap> parse_security_protocol_map(const std::string& text);
/// Reads `NAME://host:port,...`, the value of the option `key`. Error: invalid_config when an address can't be
/// read, a name comes twice or is not in `protocols`.
Result<std::vector<Endpoint>> parse_endpoints(std::string_view key, const std::string& text,
                                              const SecurityProtocolMap& protocols);
/// Reads `host:port`, IPv6 in brackets, the value of the option `key`. The listener gets the name HTTP. Error:
/// invalid_config.
Result<Endpoint> parse_http_endpoint(std::string_view key, const std::string& text);
/// Reads max.connections.per.ip.overrides, `host:count,...`; IPv6 addresses need no brackets. Error:
/// invalid_config.
Result<std::map<std::string, int32_t>> parse_connections_per_ip(const std::string& text);
/// A port that two of `endpoints` share although both can't listen at it, or 0. One IPv4 and one IPv6 address may
/// share a port.
int32_t shared_port(const std::vector<Endpoint>& endpoints);

}  // namespace gregor
