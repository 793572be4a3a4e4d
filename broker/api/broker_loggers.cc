#include "broker/api/broker_loggers.h"

#include <array>
#include <optional>

#include "broker/api/config_requests.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

using Kind = ConfigOperation::Kind;

/// In the order of log::Level.
constexpr std::array<std::string_view, 6> kLevelNames = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

std::string_view name_of(log::Level level) { return kLevelNames[static_cast<size_t>(level)]; }

std::optional<log::Level> level_called(std::string_view name) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<log::Level>(i);
  }
  return std::nullopt;
}

Error bad_config(std::string message) {
  return Error{make_error_code(ErrorCode::invalid_config), std::move(message)};
}

Result<void> check(const ConfigOperation& operation) {
  if (operation.kind == Kind::append || operation.kind == Kind::subtract) {
    std::string name = operation.kind == Kind::append ? "APPEND" : "SUBTRACT";
    return bad_config_request(name + " operation is not allowed for the BROKER_LOGGER resource");
  }
  if (!log::levels().contains(operation.name)) {
    return bad_config("Logger " + operation.name + " does not exist!");
  }
  if (operation.kind == Kind::remove && operation.name == log::kRootLogger) {
    return bad_config_request("Removing the log level of the root logger is not allowed");
  }
  if (operation.kind == Kind::set && !level_called(operation.value)) {
    return bad_config("Cannot set the log level of " + operation.name + " to " + operation.value +
                      " as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, "
                      "WARN");
  }
  return {};
}

}  // namespace

std::vector<ConfigEntry> describe_loggers() {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, level] : log::levels()) {
    ConfigEntry& entry = entries.emplace_back();
    entry.name = name;
    entry.value = name_of(level);
    entry.source = ConfigSource::broker_logger;
  }
  return entries;
}

Result<void> alter_loggers(const std::vector<ConfigOperation>& operations, bool validate_only) {
  for (const ConfigOperation& operation : operations) {
    if (auto checked = check(operation); !checked) return checked;
  }
  if (validate_only) return {};
  for (const ConfigOperation& operation : operations) {
    log::set_level(operation.name, operation.kind == Kind::set ? level_called(operation.value) : std::nullopt);
    log::warn("log level changed logger={} level={}", operation.name, name_of(log::levels().at(operation.name)));
  }
  return {};
}

}  // namespace gregor
