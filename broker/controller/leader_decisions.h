#pragma once

#include <vector>

#include "broker/controller/controller_context.h"

namespace gregor {

/// A partition's next leader and in-sync set, to be written to its state znode.
struct StateChange {
  TopicPartition partition;
  LeaderAndIsr next;
  /// The znode has to be made first.
  bool is_new = false;

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

/// What has to change so that every partition of `topics` (all topics when null) has the best leader that the live
/// brokers allow. Pure.
///
/// - A partition without a state gets the first live replica as leader and all live replicas as its in-sync set.
/// - One whose leader is gone gets the first live replica of its assignment that is in sync. When there is none it
/// has
///   no leader (-1) and keeps its in-sync set, so that no acknowledged record is given up.
/// - A replica that is gone leaves the in-sync set, unless it is the last one in it.
///
/// Every change raises the leader epoch by one.
std::vector<StateChange> decide_leaders(const ControllerContext& context, const std::vector<std::string>* topics);

}  // namespace gregor
