#include "runtime/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace gregor::log {
namespace {

std::atomic<Level> minimum{Level::warn};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static auto instance = [] {
    auto made = spdlog::stdout_logger_mt("gregor");
    made->set_level(spdlog::level::debug);
    made->set_pattern("[%Y-%m-%d %H:%M:%S.%e] %l %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

}  // namespace

void start(Level level) {
  logger();
  set_level(level);
}

void set_level(Level level) { minimum = level; }
bool is_on(Level level) { return level >= minimum.load(std::memory_order_relaxed); }
void flush() { logger().flush(); }
void write(Level level, std::string_view text) {
  logger().log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace gregor::log
