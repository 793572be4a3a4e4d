#pragma once

#include "runtime/result.h"

namespace gregor {

class BrokerConfig;

/// What must hold between options, each of which is allowed by itself. Error: invalid_config.
Result<void> check_broker_config(const BrokerConfig& config);

}  // namespace gregor
