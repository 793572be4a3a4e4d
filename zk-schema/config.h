#pragma once

#include <map>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk {

/// /config/<type>/<name>: the settings of a topic, broker, user, client or address that differ from the defaults.
struct EntityConfig {
  std::map<std::string, std::string> config;

  friend bool operator==(const EntityConfig&, const EntityConfig&) = default;
  std::string encode() const;
  /// An empty znode is an empty config.
  static Result<EntityConfig> decode(std::string_view text);
};

/// /config/changes/config_change_<n>: tells every broker whose settings to read again.
struct ConfigChange {
  std::string entity_path;  // below /config: topics/orders, users/alice/clients/app

  friend bool operator==(const ConfigChange&, const ConfigChange&) = default;
  /// Version 2.
  std::string encode() const;
  /// Reads versions 1 and 2.
  static Result<ConfigChange> decode(std::string_view text);
};

}  // namespace gregor::zk
