#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor::zk {

/// The brokers that hold one partition, preferred leader first, and how a running reassignment changes them.
struct ReplicaAssignment {
  std::vector<int32_t> replicas;  // all of them, those being added and removed included
  std::vector<int32_t> adding;
  std::vector<int32_t> removing;

  friend bool operator==(const ReplicaAssignment&, const ReplicaAssignment&) = default;
  bool is_being_reassigned() const { return !adding.empty() || !removing.empty(); }
};

/// /brokers/topics/<topic>: which brokers hold which partition.
struct TopicAssignment {
  std::map<int32_t, ReplicaAssignment> partitions;
  std::optional<std::string> topic_id;  // base64url; none in topics made before 2.8

  friend bool operator==(const TopicAssignment&, const TopicAssignment&) = default;
  /// Version 3.
  std::string encode() const;
  /// Reads versions 1 to 3.
  static Result<TopicAssignment> decode(std::string_view text);
};

/// /brokers/topics/<topic>/partitions/<partition>/state. The znode's version is the partition epoch.
struct PartitionState {
  int32_t leader = -1;  // -1: none
  int32_t leader_epoch = 0;
  int32_t controller_epoch = 0;
  std::vector<int32_t> isr;
  bool recovering = false;  // the leader was elected uncleanly and has not yet said that it recovered (KIP-704)

  friend bool operator==(const PartitionState&, const PartitionState&) = default;
  std::string encode() const;
  static Result<PartitionState> decode(std::string_view text);
};

}  // namespace gregor::zk
