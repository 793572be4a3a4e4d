#pragma once

#include <string_view>

namespace gregor::log {

/// The reason why the program ends, of whatever level the loggers are: a line like those of runtime/logging.h, but
/// on standard error, where whoever started it looks.
void fatal(std::string_view text);

}  // namespace gregor::log
