#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/metadata/cluster_image.h"
#include "broker/types/ids.h"
#include "broker/types/topic_partition.h"
#include "broker/types/uuid.h"

namespace gregor {

/// Who leads a partition and who is in sync: the content and version of its state znode.
struct LeaderAndIsr {
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch{0};
  ControllerEpoch controller_epoch{0};
  std::vector<BrokerId> in_sync;
  int32_t znode_version = 0;

  friend bool operator==(const LeaderAndIsr&, const LeaderAndIsr&) = default;
};

/// A broker that holds its ephemeral znode. Its epoch is that znode's czxid: a broker that came back has another.
struct LiveBroker {
  BrokerImage image;
  BrokerEpoch epoch{-1};
};

struct PartitionAssignment {
  std::vector<BrokerId> replicas;
  /// None until leader and in-sync set were first decided and written.
  std::optional<LeaderAndIsr> state;
};

struct TopicAssignmentState {
  Uuid id;
  std::map<int32_t, PartitionAssignment> partitions;
};

/// All that the controller knows: what lies in ZooKeeper, as of the events handled so far. Plain data; lives with
/// the controller on shard 0.
struct ControllerContext {
  ControllerEpoch epoch{0};
  /// Version of /controller_epoch that every write is conditional on.
  int32_t epoch_znode_version = 0;
  std::map<BrokerId, LiveBroker> live_brokers;
  std::map<std::string, TopicAssignmentState> topics;
  std::set<std::string> topics_to_delete;

  bool is_live(BrokerId broker) const { return live_brokers.contains(broker); }
  PartitionAssignment* partition(const TopicPartition& name);
};

}  // namespace gregor
