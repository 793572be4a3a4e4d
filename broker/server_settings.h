#pragma once

#include "broker/config/broker_config.h"
#include "broker/net/server.h"

namespace gregor {

/// What requests may hold together, in bytes.
size_t request_memory_limit(const BrokerConfig& config);
/// How many partitions may be moved between log directories at the same time.
size_t moves_at_once(const BrokerConfig& config);
/// What the options about sockets come to.
ListenOptions listen_options(const BrokerConfig& config);
/// What the options about connections come to, those of single listeners among them. Looks up the names in
/// max.connections.per.ip.overrides, and blocks for that. Error: invalid_config.
Result<ServerLimits> server_limits(const BrokerConfig& config);

}  // namespace gregor
