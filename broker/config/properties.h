#pragma once

#include <map>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor {

/// Keys and values of a .properties file, in the order of keys.
using Properties = std::map<std::string, std::string, std::less<>>;

/// Reads text in the format of java.util.Properties: `key=value`, `key: value` or `key value` on a line, comments
/// after
/// `#` or `!`, lines continued by a backslash, escapes \t \n \r \f \uXXXX (any other character after a backslash
/// stands for itself). Of a key that comes twice the later value counts. Bytes above 127 are kept as they are
/// (UTF-8). Error: invalid_config, with the line's number, for a \u that four hexadecimal digits don't follow.
Result<Properties> parse_properties(std::string_view text);

}  // namespace gregor
