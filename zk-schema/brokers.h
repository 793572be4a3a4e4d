#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor::zk {

/// One listener as other brokers and clients reach it.
struct Endpoint {
  std::string listener;
  std::string host;  // empty: none was given
  int32_t port = -1;
  std::string security_protocol;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  /// LISTENER://host:port, an IPv6 address in brackets.
  std::string connection_string() const;
  /// host:port.
  std::string address() const;
};

/// The versions of one feature that a broker supports.
struct FeatureRange {
  int32_t min_version = 1;
  int32_t max_version = 1;

  friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

/// /brokers/ids/<id>: a broker that is alive. The znode's czxid is the broker epoch.
struct BrokerRegistration {
  int32_t id = -1;
  std::vector<Endpoint> endpoints;
  int32_t jmx_port = -1;
  int64_t timestamp_ms = 0;
  std::optional<std::string> rack;
  std::map<std::string, FeatureRange> features;

  friend bool operator==(const BrokerRegistration&, const BrokerRegistration&) = default;
  /// Version 5, as Kafka writes it since 2.7.
  std::string encode() const;
  /// Reads versions 1 to 5.
  static Result<BrokerRegistration> decode(int32_t id, std::string_view text);
};

}  // namespace gregor::zk
