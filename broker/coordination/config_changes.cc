#include "broker/coordination/config_changes.h"

#include "runtime/logging.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"

namespace gregor {

ConfigChanges::ConfigChanges(ZooKeeper& zookeeper, const Clock& clock)
    : notifications_(zookeeper, clock, zk::paths::kConfigChanges,
                     std::string(zk::paths::name(zk::paths::kConfigChangePrefix)),
                     [this](std::string data) { return take(std::move(data)); }) {}

void ConfigChanges::on_change(std::string type, Handler handler) {
  handlers_.emplace(std::move(type), std::move(handler));
}

Task<void> ConfigChanges::take(std::string data) {
  auto change = zk::ConfigChange::decode(data);
  if (!change) {
    log::error("could not understand a change notification data=\"{}\" reason=\"{}\"", data,
               change.error().message);
    co_return;
  }
  size_t slash = change->entity_path.find('/');
  std::string type = change->entity_path.substr(0, slash);
  if (slash == std::string::npos || slash + 1 == change->entity_path.size()) {
    log::error("a change notification names no entity entity_path={}", change->entity_path);
    co_return;
  }
  auto handler = handlers_.find(type);
  if (handler == handlers_.end()) {
    log::debug("a change of configuration that nothing acts on entity_path={}", change->entity_path);
    co_return;
  }
  std::string name = change->entity_path.substr(slash + 1);
  co_await handler->second(name);
}

}  // namespace gregor
