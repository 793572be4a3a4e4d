#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/option.h"
#include "runtime/result.h"

namespace gregor {

/// Reads the value of `option` from `text`, as Kafka does: blanks around it don't count, a list is separated by
/// commas. Error: invalid_config, naming the option, the text and what is allowed.
Result<OptionValue> parse_option(const OptionInfo& option, std::string_view text);
/// The value that `option` has where nobody sets it.
OptionValue default_value(const OptionInfo& option);
/// A value as Kafka prints it; none for null. A password is printed too: callers decide who may see it.
std::optional<std::string> to_text(const OptionValue& value);
/// What `option` may be, for people: `an integer of at least 1`.
std::string allowed_text(const OptionInfo& option);
/// The error for a value that is not allowed: `Invalid value abc for configuration num.partitions: must be ...`.
Error invalid_value(std::string_view name, std::string_view value, std::string_view problem);

/// `text` without blanks and control characters at either end.
std::string_view trimmed(std::string_view text);
/// The parts of `text` between commas, trimmed, empty ones left out.
std::vector<std::string> split_list(std::string_view text);

}  // namespace gregor
