#include "broker/server_settings.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

using std::chrono::milliseconds;

/// An option's value for one listener: what `listener.name.<name>.<option>` says, else what the option says.
Result<int32_t> value_for(const BrokerConfig& config, const std::string& listener, BrokerOption<int32_t> option) {
  OptionInfo info = broker_option_table()[option.index];
  std::string key = "listener.name." + listener + "." + std::string(info.name);
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
  auto own = config.originals().find(key);
  if (own == config.originals().end()) return config.get(option);
  info.name = key;
  auto value = parse_option(info, own->second);
  if (!value) return value.error();
  return std::get<int32_t>(*value);
}

Result<std::map<std::string, ListenerQuota>> listener_quotas(const BrokerConfig& config) {
  std::map<std::string, ListenerQuota> quotas;
  for (const auto& listener : config.listeners()) {
    auto connections = value_for(config, listener.listener_name, options::max_connections);
    if (!connections) return connections.error();
    auto rate = value_for(config, listener.listener_name, options::max_connection_creation_rate);
    if (!rate) return rate.error();
    quotas[listener.listener_name] = {*connections, *rate};
  }
  return quotas;
}

/// The entries of max.connections.per.ip.overrides, whose hosts may be names.
Result<std::map<std::string, int32_t>> per_ip_overrides(const BrokerConfig& config) {
  std::map<std::string, int32_t> overrides;
  for (const auto& [host, count] : config.connections_per_ip_overrides()) {
    try {
      overrides[Poco::Net::DNS::resolveOne(host).toString()] = count;
    } catch (const Poco::Exception& exception) {
      return invalid_value("max.connections.per.ip.overrides", host,
                           "its address can't be found: " + exception.displayText());
    }
  }
  return overrides;
}

}  // namespace

size_t moves_at_once(const BrokerConfig& config) {
  auto threads = config.get(options::num_replica_alter_log_dirs_threads);
  return threads ? static_cast<size_t>(std::max(*threads, 1)) : config.log_dirs().size();
}

size_t request_memory_limit(const BrokerConfig& config) {
  int64_t configured = config.get(options::queued_max_request_bytes);
  if (configured > 0) return static_cast<size_t>(configured);
  // Where queued.max.request.bytes leaves it open: a quarter of the machine's memory.
  return static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) / 4;
}

ListenOptions listen_options(const BrokerConfig& config) {
  ListenOptions listen;
  listen.backlog = config.get(options::socket_listen_backlog_size);
  listen.send_buffer_bytes = config.get(options::socket_send_buffer_bytes);
  listen.receive_buffer_bytes = config.get(options::socket_receive_buffer_bytes);
  return listen;
}

Result<ServerLimits> server_limits(const BrokerConfig& config) {
  auto listeners = listener_quotas(config);
  if (!listeners) return listeners.error();
  auto overrides = per_ip_overrides(config);
  if (!overrides) return overrides.error();
  ServerLimits limits;
  limits.max_idle = milliseconds(config.get(options::connections_max_idle_ms));
  limits.connection.max_frame_bytes = static_cast<size_t>(config.get(options::socket_request_max_bytes));
  ConnectionQuotaLimits& quotas = limits.quotas;
  quotas.max_connections = config.get(options::max_connections);
  quotas.max_connections_per_ip = config.get(options::max_connections_per_ip);
  quotas.per_ip_overrides = std::move(*overrides);
  quotas.max_creation_rate = config.get(options::max_connection_creation_rate);
  quotas.listeners = std::move(*listeners);
  // A broker with one listener has nobody to protect it from.
  if (config.listeners().size() > 1) quotas.protected_listener = config.inter_broker_listener().listener_name;
  quotas.rate_windows.count = static_cast<size_t>(config.get(options::quota_window_num));
  quotas.rate_windows.size = std::chrono::seconds(config.get(options::quota_window_size_seconds));
  return limits;
}

}  // namespace gregor
