// What takes effect while the broker runs, and how: one call of on_change for each part that acts on options.

#include "broker/broker.h"
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
                                             options::max_connection_creation_rate),
                                  limit_connections);
  register_listeners_as_reconfigurable();
}

Task<void> Broker::renew_limits() {
  std::shared_ptr<const BrokerConfig> now = live_config_.snapshot();
  auto read = [&now] { return server_limits(*now); };
  Result<ServerLimits> limits = co_await in_background(runtime_.pool, read);
  if (!limits) {
    log::error("the limits of connections stay as they were reason=\"{}\"", limits.error().message);
    co_return;
  }
  co_await server_->set_limits(std::move(*limits));
}

}  // namespace gregor
