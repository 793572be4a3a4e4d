// What takes effect while the broker runs, and how: one call of on_change for each part that acts on options.

#include "broker/broker.h"
#include "broker/config/options.h"

namespace gregor {

void Broker::register_reconfigurable_parts() {
  dynamic_config_.on_change(options_of(options::background_threads), [this](const BrokerConfig& now) {
    runtime_.pool.set_max_threads(static_cast<size_t>(now.get(options::background_threads)));
  });
  register_listeners_as_reconfigurable();
}

}  // namespace gregor
