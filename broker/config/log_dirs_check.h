#pragma once

#include "broker/config/broker_config.h"
#include "runtime/result.h"

namespace gregor {

/// Whether the directories of log.dirs are different ones, however they are written: two names of one directory
/// would be two brokers in it. Asks the file system, and blocks. Error: invalid_config.
Result<void> check_log_dirs_differ(const BrokerConfig& config);

}  // namespace gregor
