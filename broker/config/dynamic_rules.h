#pragma once

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "runtime/result.h"

namespace gregor {

/// Whom options set at run time are for: one broker, or every broker of the cluster.
enum class DynamicLevel { broker, cluster };

/// Whether `wanted`, taken by itself, may be set at run time at `level`; unknown keys may, as they may belong to a
/// plug-in. Error: invalid_config, with Kafka's words for an option that needs a restart or another level.
Result<void> check_dynamic_options(const Properties& wanted, DynamicLevel level);
/// What is left of `stored` without the options that could not be set there, each of which the log tells of: an
/// older or a careless tool may have written them.
Properties usable_dynamic_options(const Properties& stored, DynamicLevel level);

/// Whether a running broker may go from `now` to `next`: numbers of threads at most double or halve, a listener
/// keeps its security protocol and goes on letting connections in. Error: invalid_config, with Kafka's words.
Result<void> check_change(const BrokerConfig& now, const BrokerConfig& next);

}  // namespace gregor
