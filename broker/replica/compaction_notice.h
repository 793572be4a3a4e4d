#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/replica/partition_settings.h"

namespace gregor {

/// Warns of topics whose records are to be compacted, which is not done yet: their logs only grow. Once for each
/// topic that asks for it itself; for those that the broker's log.cleanup.policy compacts, BrokerConfig warns.
///
/// On shard 0.
class CompactionNotice {
 public:
  /// Settings by topic, of some topics.
  void note(const std::map<std::string, PartitionSettings>& settings);

 private:
  std::set<std::string> told_;
};

}  // namespace gregor
