#pragma once

#include "broker/config/broker_config.h"
#include "runtime/result.h"

namespace gregor {

/// Whether the directories of log.dirs are different ones, none within another, however they are written: two names
/// of one directory would be two brokers in it, and a directory in another one could pass for a partition's. Asks
/// the file system, and blocks. Error: invalid_config.
Result<void> check_log_dirs_are_apart(const BrokerConfig& config);

}  // namespace gregor
