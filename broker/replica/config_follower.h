#pragma once

#include <string>

#include "broker/config/dynamic_config.h"
#include "broker/coordination/config_changes.h"
#include "broker/replica/control_state.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// Keeps this broker's options and its partitions as /config in ZooKeeper says, from the start on and with every
/// change, whoever made it. What can't be understood is logged and changes nothing.
///
/// On shard 0.
class ConfigFollower {
 public:
  ConfigFollower(BrokerId self, ZooKeeper& zookeeper, LiveConfig& live, DynamicConfig& dynamic,
                 Partitions& partitions, ControlState& control, ConfigChanges& changes);

  /// Reads the options set at run time, the cluster's and this broker's. Error: there is no connection to
  /// ZooKeeper.
  Task<Result<void>> read_options();
  /// Reads them again and goes on to follow the changes, in a new session.
  void follow();

 private:
  Task<void> take_topic(std::string topic);
  Task<void> take_broker(std::string name);
  Task<Result<void>> read_level(DynamicLevel level, bool at_start);
  Task<Result<Properties>> read_stored(DynamicLevel level);
  Task<void> renew_secrets(std::string path);
  Task<void> renew_partitions();
  void tell_of_change(DynamicLevel level, const BrokerConfig& before) const;
  Task<void> read_and_follow();
  std::string path_of(DynamicLevel level) const;

  const BrokerId self_;
  ZooKeeper& zookeeper_;
  LiveConfig& live_;
  DynamicConfig& dynamic_;
  Partitions& partitions_;
  ControlState& control_;
  ConfigChanges& changes_;
};

}  // namespace gregor
