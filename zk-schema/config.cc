#include "zk-schema/config.h"

#include "config.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string EntityConfig::encode() const {
  json::Config message;
  message.set_version(1);
  message.mutable_config()->insert(config.begin(), config.end());
  return json::to_json(message);
}

Result<EntityConfig> EntityConfig::decode(std::string_view text) {
  if (text.empty()) return EntityConfig{};
  auto message = json::from_json<json::Config>(text);
  if (!message) return message.error();
  EntityConfig decoded;
  decoded.config.insert(message->config().begin(), message->config().end());
  return decoded;
}

std::string ConfigChange::encode() const {
  json::Change change;
  change.set_version(2);
  change.set_entity_path(entity_path);
  return json::to_json(change);
}

Result<ConfigChange> ConfigChange::decode(std::string_view text) {
  auto change = json::from_json<json::Change>(text);
  if (!change) return change.error();
  if (change->version() == 2 && change->has_entity_path()) return ConfigChange{change->entity_path()};
  if (change->version() == 1 && change->has_entity_type() && change->has_entity_name()) {
    return ConfigChange{change->entity_type() + "/" + change->entity_name()};
  }
  return json::malformed("config change", text);
}

}  // namespace gregor::zk
