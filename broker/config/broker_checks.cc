#include "broker/config/broker_checks.h"

#include <fmt/format.h>

#include "broker/config/broker_config.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

Result<void> check_id(const BrokerConfig& config) {
  int32_t id = config.get(options::broker_id);
  int32_t highest = config.get(options::reserved_broker_max_id);
  bool may_be_generated = config.get(options::broker_id_generation_enable);
  std::string text = std::to_string(id);
  if (id != config.get(options::node_id)) return invalid_value("broker.id", text, "must be the same as node.id");
  if (!may_be_generated && id < 0) return invalid_value("broker.id", text, "must be an integer of at least 0");
  if (may_be_generated && (id < -1 || id > highest)) {
    return invalid_value(
        "broker.id", text,
        fmt::format("must be an integer from -1 to {}, the value of reserved.broker.max.id", highest));
  }
  return {};
}

Result<void> check_zookeeper(const BrokerConfig& config) {
  if (!config.get(options::zookeeper_connect).value_or("").empty()) return {};
  return Error{make_error_code(ErrorCode::invalid_config),
               "Missing required configuration zookeeper.connect: it must list ZooKeeper's servers as host:port"};
}

/// An option that protects is not ignored as others without effect are.
Result<void> check_protections(const BrokerConfig& config) {
  OptionTable table = broker_option_table();
  for (size_t index = 0; index < table.size(); ++index) {
    const OptionInfo& option = table[index];
    if (!option.is_refused || config.value(index) == default_value(option)) continue;
    std::string text = to_text(config.value(index)).value_or("");
    if (text.empty()) continue;
    return invalid_value(option.name, text,
                         fmt::format("must be {} so far: the protection that it asks for is not there yet, and the "
                                     "broker does not start as if it were",
                                     option.type == OptionType::boolean ? "false" : "unset"));
  }
  return {};
}

/// Refuses the value of the option that was set, which may be another unit's than `index`.
Error refuse_set(const BrokerConfig& config, size_t index, std::string_view problem) {
  size_t source = config.effective_source(index);
  return invalid_value(broker_option_table()[source].name, to_text(config.value(source)).value_or(""), problem);
}

Result<void> check_times_of_logs(const BrokerConfig& config) {
  if (config.effective(options::log_roll_ms) < 1) {
    return refuse_set(config, options::log_roll_ms.index, "must be an integer of at least 1");
  }
  if (config.effective(options::log_roll_jitter_ms) < 0) {
    return refuse_set(config, options::log_roll_jitter_ms.index, "must be an integer of at least 0");
  }
  if (config.effective(options::log_retention_ms) == 0) {
    return refuse_set(config, options::log_retention_ms.index, "must be an integer of at least 1 or -1");
  }
  return {};
}

Result<void> check_log_dirs(const BrokerConfig& config) {
  if (!config.log_dirs().empty()) return {};
  return invalid_value("log.dirs", config.effective(options::log_dirs), "there must be at least one directory");
}

Result<void> check_compaction(const BrokerConfig& config) {
  int64_t buffer_size = config.get(options::log_cleaner_dedupe_buffer_size);
  int32_t threads = config.get(options::log_cleaner_threads);
  int64_t least_lag_ms = config.get(options::log_cleaner_min_compaction_lag_ms);
  if (threads > 0 && buffer_size / threads <= (1 << 20)) {
    return invalid_value("log.cleaner.dedupe.buffer.size", std::to_string(buffer_size),
                         "must be more than 1048576 for each of log.cleaner.threads");
  }
  if (least_lag_ms > config.get(options::log_cleaner_max_compaction_lag_ms)) {
    return invalid_value("log.cleaner.min.compaction.lag.ms", std::to_string(least_lag_ms),
                         "must be at most log.cleaner.max.compaction.lag.ms");
  }
  return {};
}

Result<void> check_fetching(const BrokerConfig& config) {
  int32_t wait_ms = config.get(options::replica_fetch_wait_max_ms);
  std::string text = std::to_string(wait_ms);
  if (wait_ms > config.get(options::replica_socket_timeout_ms)) {
    return invalid_value("replica.fetch.wait.max.ms", text, "must be at most replica.socket.timeout.ms");
  }
  if (wait_ms > config.get(options::replica_lag_time_max_ms)) {
    return invalid_value("replica.fetch.wait.max.ms", text, "must be at most replica.lag.time.max.ms");
  }
  return {};
}

Result<void> check_connections(const BrokerConfig& config) {
  int64_t queued = config.get(options::queued_max_request_bytes);
  int64_t idle_ms = config.get(options::connections_max_idle_ms);
  int32_t delay_ms = config.get(options::connection_failed_authentication_delay_ms);
  if (queued > 0 && queued < config.get(options::socket_request_max_bytes)) {
    return invalid_value("queued.max.request.bytes", std::to_string(queued),
                         "must be at least socket.request.max.bytes, or -1");
  }
  if (idle_ms >= 0 && delay_ms >= idle_ms) {
    return invalid_value("connection.failed.authentication.delay.ms", std::to_string(delay_ms),
                         "must be less than connections.max.idle.ms");
  }
  if (config.get(options::max_connections_per_ip) == 0 &&
      config.get(options::max_connections_per_ip_overrides).empty()) {
    return invalid_value("max.connections.per.ip", "0",
                         "must be at least 1 unless max.connections.per.ip.overrides is set");
  }
  auto overrides = parse_connections_per_ip(config.get(options::max_connections_per_ip_overrides));
  return overrides ? Result<void>() : Result<void>(overrides.error());
}

Result<void> check_http(const BrokerConfig& config) {
  std::string address = config.get(options::gregor_http_listener);
  if (address.empty()) return {};
  auto endpoint = parse_http_endpoint("gregor.http.listener", address);
  return endpoint ? Result<void>() : Result<void>(endpoint.error());
}

}  // namespace

Result<void> check_broker_config(const BrokerConfig& config) {
  for (auto check : {check_zookeeper, check_protections, check_id, check_times_of_logs, check_log_dirs,
                     check_compaction, check_fetching, check_connections, check_http}) {
    if (auto checked = check(config); !checked) return checked;
  }
  return {};
}

}  // namespace gregor
