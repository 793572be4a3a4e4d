#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gregor::log {

/// Nothing is logged as trace or fatal; a logger at `fatal` prints nothing.
enum class Level { trace, debug, info, warn, error, fatal };

/// Starts logging to standard output, one line per event: time, level, thread and text. Lines below `level` are
/// dropped. Until it is called, and in tests, only warnings and errors are printed. There is a logger for each of
/// `modules`: lines of broker/net come from gregor.net.
void start(Level level, std::vector<std::string> modules = {});
/// The level of every logger that has none of its own.
void set_level(Level level);
/// Waits until everything logged so far is written.
void flush();

// The loggers by name; the one above all is called root. Any thread may ask and change.
inline constexpr const char* kRootLogger = "root";
/// Gives a logger a level of its own; none takes it away, which root can't do without. False when there is no such
/// logger.
bool set_level(std::string_view logger, std::optional<Level> level);
/// Every logger and the level that counts for it.
std::map<std::string, Level> levels();

/// Where a line comes from: the folder of its source file is its module.
struct Origin {
  std::string_view module;

  static constexpr Origin of(std::source_location where) {
    std::string_view file = where.file_name();
    size_t end = file.rfind('/');
    if (end == std::string_view::npos) return {};
    size_t begin = file.rfind('/', end - 1);
    return {file.substr(begin == std::string_view::npos ? 0 : begin + 1, end - begin - 1)};
  }
};
bool is_on(Level level, Origin origin = Origin::of(std::source_location::current()));
void write(Level level, std::string_view text);

/// A format, and where it stands in the code.
template <class... Args>
struct Format {
  template <class Text>
  consteval Format(const Text& format,  // NOLINT: implicit on purpose
                   std::source_location where = std::source_location::current())
      : text(format), origin(Origin::of(where)) {}

  fmt::format_string<Args...> text;
  Origin origin;
};
template <class... Args>
using FormatOf = std::type_identity_t<Format<Args...>>;

/// A line is a sentence plus key=value: `became leader partition=orders-3 epoch=7 isr=[1,2]`.
template <class... Args>
void debug(FormatOf<Args...> format, Args&&... args) {
  if (is_on(Level::debug, format.origin))
    write(Level::debug, fmt::format(format.text, std::forward<Args>(args)...));
}
/// A state changed.
template <class... Args>
void info(FormatOf<Args...> format, Args&&... args) {
  if (is_on(Level::info, format.origin)) write(Level::info, fmt::format(format.text, std::forward<Args>(args)...));
}
/// Something went wrong and we coped.
template <class... Args>
void warn(FormatOf<Args...> format, Args&&... args) {
  if (is_on(Level::warn, format.origin)) write(Level::warn, fmt::format(format.text, std::forward<Args>(args)...));
}
/// Someone must act.
template <class... Args>
void error(FormatOf<Args...> format, Args&&... args) {
  if (is_on(Level::error, format.origin))
    write(Level::error, fmt::format(format.text, std::forward<Args>(args)...));
}

}  // namespace gregor::log
