#include "broker/server_settings.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/NetException.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "runtime/bounded_ms.h"

namespace gregor {
namespace {

std::map<std::string, ListenerQuota> listener_quotas(const BrokerConfig& config) {
  std::map<std::string, ListenerQuota> quotas;
  for (const auto& listener : config.listeners()) {
    const std::string& name = listener.listener_name;
    quotas[name] = {config.get_for(name, options::max_connections),
                    config.get_for(name, options::max_connection_creation_rate)};
  }
  return quotas;
}

/// As the addresses of peers are written, which are IPv4 where they came by a listener for both.
std::string text_of(const Poco::Net::IPAddress& address) {
  constexpr std::string_view kMapped = "::ffff:";
  std::string text = address.toString();
  bool is_mapped = text.starts_with(kMapped) && text.find('.') != std::string::npos;
  return is_mapped ? text.substr(kMapped.size()) : text;
}

/// An address as it is, the first IPv4 address of a name, or its first one. Throws Poco's exceptions.
std::string address_of(const std::string& host) {
  Poco::Net::IPAddress literal;
  if (Poco::Net::IPAddress::tryParse(host, literal)) return text_of(literal);
  Poco::Net::HostEntry entry = Poco::Net::DNS::hostByName(host);
  for (const auto& address : entry.addresses()) {
    if (address.family() == Poco::Net::IPAddress::IPv4) return text_of(address);
  }
  if (entry.addresses().empty()) throw Poco::Net::NoAddressFoundException(host);
  return text_of(entry.addresses().front());
}

}  // namespace

size_t moves_at_once(const BrokerConfig& config) {
  auto threads = config.get(options::num_replica_alter_log_dirs_threads);
  return threads ? static_cast<size_t>(std::max(*threads, 1)) : config.log_dirs().size();
}

int32_t loading_threads(const BrokerConfig& config, size_t shards, size_t most_logs) {
  int32_t configured = config.get(options::num_recovery_threads_per_data_dir);
  if (config.originals().contains("num.recovery.threads.per.data.dir")) return configured;
  size_t threads = std::min(shards / config.log_dirs().size(), most_logs);
  return std::max(configured, static_cast<int32_t>(threads));
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

HostAddresses look_up_hosts(const BrokerConfig& config) {
  HostAddresses addresses;
  for (const auto& [host, count] : config.connections_per_ip_overrides()) {
    try {
      addresses.found[host] = address_of(host);
    } catch (const Poco::Exception& exception) {
      addresses.failures[host] = exception.displayText();
    }
  }
  return addresses;
}

ServerLimits server_limits(const BrokerConfig& config, const HostAddresses& addresses) {
  ServerLimits limits;
  limits.max_idle = bounded_ms(config.get(options::connections_max_idle_ms));
  limits.connection.max_frame_bytes = static_cast<size_t>(config.get(options::socket_request_max_bytes));
  ConnectionQuotaLimits& quotas = limits.quotas;
  quotas.max_connections = config.get(options::max_connections);
  quotas.max_connections_per_ip = config.get(options::max_connections_per_ip);
  for (const auto& [host, count] : config.connections_per_ip_overrides()) {
    auto address = addresses.found.find(host);
    if (address != addresses.found.end()) quotas.per_ip_overrides[address->second] = count;
  }
  quotas.max_creation_rate = config.get(options::max_connection_creation_rate);
  quotas.listeners = listener_quotas(config);
  // A broker with one listener has nobody to protect it from.
  if (config.listeners().size() > 1) quotas.protected_listener = config.inter_broker_listener().listener_name;
  quotas.rate_windows.count = static_cast<size_t>(config.get(options::quota_window_num));
  quotas.rate_windows.size = std::chrono::seconds(config.get(options::quota_window_size_seconds));
  return limits;
}

}  // namespace gregor
