#pragma once

#include <map>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/net/server.h"

namespace gregor {

/// What hosts were found to be called, by the name that the configuration has for them.
struct HostAddresses {
  std::map<std::string, std::string> found{};
  std::map<std::string, std::string> failures{};  ///< why a name has no address
};

/// What requests may hold together, in bytes.
size_t request_memory_limit(const BrokerConfig& config);
/// How many threads load the logs of each log directory, where the fullest one has `most_logs`. The option, which
/// is 1 by default, is for a disk that other things wait for as well; at a start nothing does, so that without it
/// all shards' cores take part.
int32_t loading_threads(const BrokerConfig& config, size_t shards, size_t most_logs);
/// How many partitions may be moved between log directories at the same time.
size_t moves_at_once(const BrokerConfig& config);
/// What the options about sockets come to.
ListenOptions listen_options(const BrokerConfig& config);
/// Looks up the hosts of max.connections.per.ip.overrides, and blocks for that.
HostAddresses look_up_hosts(const BrokerConfig& config);
/// What the options about connections come to, those of single listeners among them. Overrides for hosts that are
/// not in `addresses` are left out.
ServerLimits server_limits(const BrokerConfig& config, const HostAddresses& addresses);

}  // namespace gregor
