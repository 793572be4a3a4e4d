#pragma once

#include <vector>

#include "broker/coordination/zookeeper.h"
#include "broker/replica/control_state.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// What follows when a log directory goes offline: its partitions answer kafka_storage_error, and the controller
/// hears of it through /log_dir_event_notification. On shard 0.
class DirectoryFailures {
 public:
  DirectoryFailures(BrokerId self, Partitions& partitions, ZooKeeper& zookeeper, const ControlState& control,
                    std::vector<LogDirectory*> directories)
      : self_(self),
        partitions_(partitions),
        zookeeper_(zookeeper),
        control_(control),
        directories_(std::move(directories)) {}

  /// Begins, also for directories that are offline already. `on_last` is called when no directory is left.
  void watch(UniqueFunction<void()> on_last);

 private:
  Task<void> handle(const LogDirectory& directory);
  Task<void> notify_controller();

  const BrokerId self_;
  Partitions& partitions_;
  ZooKeeper& zookeeper_;
  const ControlState& control_;
  const std::vector<LogDirectory*> directories_;
  UniqueFunction<void()> on_last_;
};

}  // namespace gregor
