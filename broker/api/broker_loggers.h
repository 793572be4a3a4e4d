#pragma once

#include <vector>

#include "broker/config/describe.h"
#include "broker/controller/config_admin.h"

namespace gregor {

/// The broker's loggers with the level that counts for each, under Kafka's names: TRACE, DEBUG, INFO, WARN, ERROR,
/// FATAL.
std::vector<ConfigEntry> describe_loggers();
/// Changes levels, until the broker ends: to set gives a logger one of its own, to remove lets it follow root
/// again. Nothing is changed when one of `operations` is refused. Errors: invalid_config, invalid_request.
Result<void> alter_loggers(const std::vector<ConfigOperation>& operations, bool validate_only);

}  // namespace gregor
