#include "runtime/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "runtime/fatal.h"

namespace gregor::log {
namespace {

constexpr std::string_view kPrefix = "gregor.";
constexpr int kInherited = -1;

struct Logger {
  std::string module;
  std::atomic<int> level{kInherited};
};

std::atomic<Level> root_level{Level::warn};
/// The lowest level that any logger lets through: what is below needs no search.
std::atomic<Level> lowest_level{Level::warn};
/// Made by start, before there are other threads, and constant from then on but for the levels.
std::deque<Logger>& loggers() {
  static std::deque<Logger> all;
  return all;
}

Level level_of(const Logger& logger) {
  int own = logger.level.load(std::memory_order_relaxed);
  return own == kInherited ? root_level.load(std::memory_order_relaxed) : static_cast<Level>(own);
}

Logger* find_logger(std::string_view module) {
  auto found = std::find_if(loggers().begin(), loggers().end(),
                            [&](const Logger& logger) { return logger.module == module; });
  return found == loggers().end() ? nullptr : &*found;
}

void note_lowest() {
  Level lowest = root_level;
  for (const Logger& logger : loggers()) lowest = std::min(lowest, level_of(logger));
  lowest_level = lowest;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::fatal:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> set_up(std::shared_ptr<spdlog::logger> made) {
  made->set_level(spdlog::level::trace);
  made->set_pattern("[%Y-%m-%d %H:%M:%S.%e] %l %v");
  made->flush_on(spdlog::level::trace);
  return made;
}

spdlog::logger& output() {
  static auto instance = set_up(spdlog::stdout_logger_mt("gregor"));
  return *instance;
}

spdlog::logger& error_output() {
  static auto instance = set_up(spdlog::stderr_logger_mt("gregor.fatal"));
  return *instance;
}

}  // namespace

void start(Level level, std::vector<std::string> modules) {
  output();
  loggers().clear();
  for (auto& module : modules) loggers().emplace_back().module = std::move(module);
  set_level(level);
}

void set_level(Level level) {
  root_level = level;
  note_lowest();
}

bool set_level(std::string_view name, std::optional<Level> level) {
  if (name == kRootLogger) {
    if (level) set_level(*level);
    return level.has_value();
  }
  Logger* logger = name.starts_with(kPrefix) ? find_logger(name.substr(kPrefix.size())) : nullptr;
  if (logger == nullptr) return false;
  logger->level = level ? static_cast<int>(*level) : kInherited;
  note_lowest();
  return true;
}

std::map<std::string, Level> levels() {
  std::map<std::string, Level> all{{kRootLogger, root_level}};
  for (const Logger& logger : loggers()) all[std::string(kPrefix) + logger.module] = level_of(logger);
  return all;
}

bool is_on(Level level, Origin origin) {
  if (level < lowest_level.load(std::memory_order_relaxed)) return false;
  const Logger* logger = find_logger(origin.module);
  return level >= (logger == nullptr ? root_level.load(std::memory_order_relaxed) : level_of(*logger));
}

void flush() { output().flush(); }
void write(Level level, std::string_view text) {
  output().log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

void fatal(std::string_view text) {
  flush();
  error_output().critical(spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace gregor::log
