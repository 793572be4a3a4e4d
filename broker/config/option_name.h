#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace gregor {

/// The option that `listener.name.<listener>.<option>` sets for one listener, or an empty text for any other key.
/// Of an option that belongs to a SASL mechanism, `listener.name.<listener>.<mechanism>.<option>`, the last part.
std::string_view option_of_listener(std::string_view key);
/// The listener's name in such a key, in small letters as it stands there; empty for any other key.
std::string_view listener_of(std::string_view key);
/// The broker's option whose type and bounds `key` has: its own, or that of a listener. None for an unknown key.
std::optional<size_t> find_broker_option(std::string_view key);
/// The broker's option that somebody may have meant by `key`, which is none: a slip or two away. None where there
/// is no such option.
std::optional<std::string_view> nearest_broker_option(std::string_view key);
/// Whether the value of `key` is a secret that may be set while brokers run, and is then encrypted in ZooKeeper.
bool is_dynamic_password(std::string_view key);

}  // namespace gregor
