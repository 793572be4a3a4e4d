#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/config/topic_config.h"
#include "broker/coordination/zookeeper.h"
#include "broker/replica/partition_settings.h"

namespace gregor {

/// What `topic` means to its partitions on this broker.
PartitionSettings partition_settings(const BrokerConfig& broker, const TopicConfig& topic);
/// The settings of a topic that sets nothing itself.
PartitionSettings default_partition_settings(const BrokerConfig& broker);

/// The options that a topic sets itself, from /config/topics; none when there is no such node. On ZooKeeper's
/// shard. Errors: ZooKeeper's, or a node that can't be read.
Task<Result<Properties>> read_topic_overrides(ZooKeeper& zookeeper, std::string topic);
/// The settings of every topic of `topics`. A topic whose node can't be understood gets the broker's defaults,
/// which the log tells.
Task<Result<std::map<std::string, PartitionSettings>>> read_topic_settings(ZooKeeper& zookeeper,
                                                                           const BrokerConfig& broker,
                                                                           std::set<std::string> topics);

}  // namespace gregor
