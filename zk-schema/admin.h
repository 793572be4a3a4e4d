#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor::zk {

/// A partition as znodes name it.
struct PartitionName {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};

/// /admin/reassign_partitions: a tool asks the controller to move partitions; there only while that runs.
struct Reassignment {
  std::map<PartitionName, std::vector<int32_t>> replicas;

  friend bool operator==(const Reassignment&, const Reassignment&) = default;
  std::string encode() const;
  static Result<Reassignment> decode(std::string_view text);
};

/// /admin/preferred_replica_election: a tool asks the controller to elect preferred leaders.
struct PreferredElection {
  std::vector<PartitionName> partitions;

  friend bool operator==(const PreferredElection&, const PreferredElection&) = default;
  std::string encode() const;
  static Result<PreferredElection> decode(std::string_view text);
};

}  // namespace gregor::zk
