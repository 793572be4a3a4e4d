#pragma once

#include <string>
#include <vector>

#include "broker/config/endpoint.h"
#include "runtime/result.h"

namespace gregor {

class BrokerConfig;

/// What the options about listeners come to.
struct Listeners {
  std::vector<Endpoint> listening;
  std::vector<Endpoint> advertised;
  Endpoint inter_broker;  ///< one of `advertised`
};

/// Reads the options about listeners and checks them against each other by Kafka's rules. `host_name` is advertised
/// for a listener without a host. Error: invalid_config; so far also for every protocol but PLAINTEXT.
Result<Listeners> resolve_listeners(const BrokerConfig& config, const std::string& host_name);

}  // namespace gregor
