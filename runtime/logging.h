#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace gregor::log {

enum class Level { debug, info, warn, error };

/// Starts logging to standard output, one line per event: time, level, thread and text. Lines below `level` are
/// dropped. Until it is called, and in tests, only warnings and errors are printed.
void start(Level level);
void set_level(Level level);
bool is_on(Level level);
/// Waits until everything logged so far is written.
void flush();
void write(Level level, std::string_view text);

/// A line is a sentence plus key=value: `became leader partition=orders-3 epoch=7 isr=[1,2]`.
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (is_on(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
/// A state changed.
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (is_on(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
/// Something went wrong and we coped.
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (is_on(Level::warn)) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
/// Someone must act.
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (is_on(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gregor::log
