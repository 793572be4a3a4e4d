// What takes effect while the broker runs, and how: one call of on_change for each part that acts on options.

#include "broker/broker.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/server_settings.h"
#include "runtime/logging.h"

namespace gregor {

void Broker::register_reconfigurable_parts() {
  dynamic_config_.on_change(options_of(options::background_threads), [this](const BrokerConfig& now) {
    runtime_.pool.set_max_threads(static_cast<size_t>(now.get(options::background_threads)));
  });
  auto limit_connections = [this](const BrokerConfig&, const BrokerConfig&) { return renew_limits(); };
  dynamic_config_.on_change_await(options_of(options::max_connections, options::max_connections_per_ip,
                                             options::max_connections_per_ip_overrides,
                                             options::max_connection_creation_rate, options::listeners),
                                  limit_connections);
  register_listeners_as_reconfigurable();
}

Task<Result<void>> Broker::find_hosts() {
  auto look_up = [this] { return look_up_hosts(config_); };
  hosts_ = co_await in_background(runtime_.pool, look_up);
  if (hosts_.failures.empty()) co_return Result<void>();
  const auto& [host, reason] = *hosts_.failures.begin();
  co_return Result<void>(
      invalid_value("max.connections.per.ip.overrides", host, "its address can't be found: " + reason));
}

Task<void> Broker::renew_limits() {
  std::shared_ptr<const BrokerConfig> now = live_config_.snapshot();
  auto look_up = [&now] { return look_up_hosts(*now); };
  HostAddresses hosts = co_await in_background(runtime_.pool, look_up);
  for (const auto& [host, reason] : hosts.failures) {
    auto former = hosts_.found.find(host);
    if (former != hosts_.found.end()) hosts.found[host] = former->second;
    log::warn("a host in max.connections.per.ip.overrides can't be found host={} limits={} reason=\"{}\"", host,
              former == hosts_.found.end() ? "nothing" : former->second, reason);
  }
  hosts_ = std::move(hosts);
  co_await server_->set_limits(server_limits(*now, hosts_));
}

}  // namespace gregor
