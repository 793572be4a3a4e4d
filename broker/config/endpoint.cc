#include "broker/config/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

constexpr SecurityProtocol kProtocols[] = {SecurityProtocol::plaintext, SecurityProtocol::ssl,
                                           SecurityProtocol::sasl_plaintext, SecurityProtocol::sasl_ssl};

std::optional<SecurityProtocol> protocol_named(std::string_view name) {
  for (SecurityProtocol protocol : kProtocols) {
    if (name_of(protocol) == normalized_listener_name(name)) return protocol;
  }
  return std::nullopt;
}

bool is_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || std::string_view("-%._:").find(c) != std::string_view::npos;
  });
}

std::optional<int32_t> parse_port(std::string_view text) {
  int32_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  bool is_port = error == std::errc{} && end == text.data() + text.size() && port >= 0 && port <= 65535;
  return is_port ? std::optional(port) : std::nullopt;
}

/// What is wrong with `text`, which is not of `form`.
std::string address_problem(std::string_view text, std::string_view form) {
  size_t colon = text.rfind(':');
  std::string_view port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  bool is_number = !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number && !parse_port(port)) return fmt::format("the port of {} must be from 0 to 65535", text);
  return fmt::format("{} is not of the form {}", text, form);
}

/// Reads `NAME://host:port`; the security protocol is left for the caller to find.
std::optional<Endpoint> parse_address(std::string_view text) {
  size_t name_end = text.find("://");
  if (name_end == std::string_view::npos || name_end == 0) return std::nullopt;
  std::string_view address = text.substr(name_end + 3);
  size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto port = parse_port(address.substr(colon + 1));
  if (!port || !is_host(host)) return std::nullopt;
  return Endpoint{normalized_listener_name(text.substr(0, name_end)), SecurityProtocol::plaintext,
                  std::string(host), *port};
}

enum class AddressFamily { none, ipv4, ipv6 };

AddressFamily family_of(const std::string& host) {
  in6_addr buffer;
  if (inet_pton(AF_INET, host.c_str(), &buffer) == 1) return AddressFamily::ipv4;
  return inet_pton(AF_INET6, host.c_str(), &buffer) == 1 ? AddressFamily::ipv6 : AddressFamily::none;
}

bool may_share_port(const Endpoint& a, const Endpoint& b) {
  AddressFamily family_a = family_of(a.host), family_b = family_of(b.host);
  return family_a != AddressFamily::none && family_b != AddressFamily::none && family_a != family_b;
}

}  // namespace

std::string_view name_of(SecurityProtocol protocol) {
  switch (protocol) {
    case SecurityProtocol::plaintext:
      return "PLAINTEXT";
    case SecurityProtocol::ssl:
      return "SSL";
    case SecurityProtocol::sasl_plaintext:
      return "SASL_PLAINTEXT";
    case SecurityProtocol::sasl_ssl:
      return "SASL_SSL";
  }
  return "UNKNOWN";
}

std::string Endpoint::to_string() const {
  bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", listener_name, is_ipv6 ? "[" + host + "]" : host, port);
}

std::string normalized_listener_name(std::string_view name) {
  std::string capitals(trimmed(name));
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<uint8_t>(c)));
  return capitals;
}

Result<SecurityProtocolMap> parse_security_protocol_map(const std::string& text) {
  std::string_view key = broker_option_table()[options::listener_security_protocol_map.index].name;
  SecurityProtocolMap map;
  for (const std::string& pair : split_list(text)) {
    size_t colon = pair.rfind(':');
    auto protocol = colon == std::string::npos ? std::nullopt : protocol_named(pair.substr(colon + 1));
    std::string name = normalized_listener_name(std::string_view(pair).substr(0, colon));
    if (!protocol || name.empty()) {
      return invalid_value(
          key, text,
          "must be NAME:PROTOCOL separated by commas, a protocol being PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
    }
    map[name] = *protocol;
  }
  return map;
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view key, const std::string& text,
                                              const SecurityProtocolMap& protocols) {
  std::vector<Endpoint> endpoints;
  for (const std::string& part : split_list(text)) {
    auto endpoint = parse_address(part);
    if (!endpoint) return invalid_value(key, text, address_problem(part, "NAME://host:port"));
    auto protocol = protocols.find(endpoint->listener_name);
    if (protocol == protocols.end()) {
      return invalid_value(key, text,
                           fmt::format("listener {} has no security protocol in listener.security.protocol.map",
                                       endpoint->listener_name));
    }
    endpoint->security_protocol = protocol->second;
    auto same_name = [&](const Endpoint& other) { return other.listener_name == endpoint->listener_name; };
    if (std::any_of(endpoints.begin(), endpoints.end(), same_name)) {
      return invalid_value(key, text, fmt::format("the name {} comes twice", endpoint->listener_name));
    }
    endpoints.push_back(*endpoint);
  }
  return endpoints;
}

Result<Endpoint> parse_http_endpoint(std::string_view key, const std::string& text) {
  auto endpoint = parse_address("HTTP://" + text);
  if (!endpoint) {
    return invalid_value(key, text, address_problem(text, "host:port") + "; empty is no HTTP");
  }
  return *endpoint;
}

Result<std::map<std::string, int32_t>> parse_connections_per_ip(const std::string& text) {
  auto refused = [&](std::string_view pair, const char* why) {
    return invalid_value("max.connections.per.ip.overrides", text, fmt::format("{} {}", pair, why));
  };
  std::map<std::string, int32_t> counts;
  for (const std::string& pair : split_list(text)) {
    size_t colon = pair.rfind(':');
    if (colon == std::string::npos || colon == 0) return refused(pair, "is not of the form host:count");
    std::string host(trimmed(std::string_view(pair).substr(0, colon)));
    std::string_view number = trimmed(std::string_view(pair).substr(colon + 1));
    int32_t count = -1;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
    if (error != std::errc{} || end != number.data() + number.size() || count < 0) {
      return refused(pair, "is not of the form host:count");
    }
    if (host.empty() || !is_host(host)) return refused(pair, "begins with what is neither a host nor an address");
    counts[host] = count;
  }
  return counts;
}

int32_t shared_port(const std::vector<Endpoint>& endpoints) {
  for (size_t i = 0; i < endpoints.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      bool is_shared = endpoints[i].port == endpoints[j].port && endpoints[i].port != 0;
      if (is_shared && !may_share_port(endpoints[i], endpoints[j])) return endpoints[i].port;
    }
  }
  return 0;
}

}  // namespace gregor
