#include "broker/api/partition_lookup.h"

namespace gregor {

ErrorCode absence_error(const Partitions& partitions, const MetadataCache& metadata, TopicPartitionView name) {
  ErrorCode reason = partitions.why_absent(name);
  if (reason != ErrorCode::none) return reason;
  bool is_known = metadata.image().partition(name) != nullptr;
  return is_known ? ErrorCode::not_leader_or_follower : ErrorCode::unknown_topic_or_partition;
}

}  // namespace gregor
