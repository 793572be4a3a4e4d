#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/option.h"

namespace gregor {

/// True when `value`, which has the option's type, is one that `allowed` allows.
bool is_allowed(const Allowed& allowed, const OptionValue& value);
/// Like allowed_text, with the least and most that the type itself can hold.
std::string allowed_text_with_limits(const OptionInfo& option);
/// The parts of `text` between commas, trimmed. An empty text is no part, but between two commas is one.
std::vector<std::string> split_list_keeping_empty(std::string_view text);

}  // namespace gregor
