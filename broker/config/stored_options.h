#pragma once

#include <optional>

#include "broker/config/broker_config.h"
#include "broker/config/dynamic_rules.h"
#include "broker/config/properties.h"
#include "runtime/result.h"

namespace gregor {

/// The dynamic options of a level as they count, from what ZooKeeper holds: without what can't be set there and
/// with passwords in clear. A password that can't be decrypted is left out, which the log tells.
Properties options_from_stored(const BrokerConfig& config, const Properties& stored, DynamicLevel level);
/// The other way: passwords encrypted. Error: invalid_config when there is no secret to encrypt them with.
Result<Properties> options_to_stored(const BrokerConfig& config, const Properties& options);
/// `stored` with the passwords that were encrypted with the old secret encrypted with the present one; none when
/// there are no such passwords.
std::optional<Properties> with_present_secret(const BrokerConfig& config, const Properties& stored);

}  // namespace gregor
