#include "broker/server_settings.h"

#include <unistd.h>

#include "broker/config/options.h"

namespace gregor {

using std::chrono::milliseconds;

size_t request_memory_limit(const BrokerConfig& config) {
  int64_t configured = config.get(options::queued_max_request_bytes);
  if (configured > 0) return static_cast<size_t>(configured);
  // Where queued.max.request.bytes leaves it open: a quarter of the machine's memory.
  return static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) / 4;
}

ServerConfig server_config(const BrokerConfig& config) {
  ServerConfig server;
  server.backlog = config.get(options::socket_listen_backlog_size);
  server.max_idle = milliseconds(config.get(options::connections_max_idle_ms));
  server.limits.max_frame_bytes = static_cast<size_t>(config.get(options::socket_request_max_bytes));
  return server;
}

}  // namespace gregor
