#pragma once

#include "broker/config/broker_config.h"
#include "broker/net/server.h"

namespace gregor {

/// What requests may hold together, in bytes.
size_t request_memory_limit(const BrokerConfig& config);
/// What the options about connections come to.
ServerConfig server_config(const BrokerConfig& config);

}  // namespace gregor
