#pragma once

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// The error for a partition that this broker has no replica of, or none that it could open: kafka_storage_error,
/// not_leader_or_follower, or unknown_topic_or_partition. On the partition's shard.
ErrorCode absence_error(const Partitions& partitions, const MetadataCache& metadata, TopicPartitionView name);

}  // namespace gregor
