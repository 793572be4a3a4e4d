#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/config/live_config.h"
#include "broker/config/topic_config.h"
#include "broker/coordination/zookeeper.h"
#include "broker/replica/partition_settings.h"

namespace gregor {

/// What `topic` means to its partitions on this broker.
PartitionSettings partition_settings(const BrokerConfig& broker, const TopicConfig& topic);
/// The settings of a topic that sets nothing itself.
PartitionSettings default_partition_settings(const BrokerConfig& broker);

/// The settings of a topic that sets `overrides`. Error: invalid_config for a value that can't be read.
Result<PartitionSettings> partition_settings(const BrokerConfig& broker, const Properties& overrides);
/// The same settings as `settings` where `broker` is what counts for what the topic does not set.
PartitionSettings renewed_settings(const BrokerConfig& broker, const PartitionSettings& settings);
/// The broker's options that say what a topic has where it sets nothing itself.
std::vector<size_t> options_behind_topics();

/// The options that a topic sets itself, from /config/topics; none when there is no such node. On ZooKeeper's
/// shard. Errors: ZooKeeper's, or a node that can't be read.
Task<Result<Properties>> read_topic_overrides(ZooKeeper& zookeeper, std::string topic);
/// The settings of every topic of `topics`. A topic whose node can't be understood gets the broker's defaults,
/// which the log tells.
Task<Result<std::map<std::string, PartitionSettings>>> read_topic_settings(ZooKeeper& zookeeper,
                                                                           const LiveConfig& broker,
                                                                           std::set<std::string> topics);

}  // namespace gregor
