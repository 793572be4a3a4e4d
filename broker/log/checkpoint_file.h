#pragma once

#include <map>

#include "broker/types/ids.h"
#include "broker/types/topic_partition.h"
#include "runtime/file.h"

namespace gregor {

/// One offset for each of a log directory's partitions, as the checkpoint files hold them.
using OffsetCheckpoint = std::map<TopicPartition, Offset>;

namespace checkpoint_name {
inline constexpr const char* kRecoveryPoint = "recovery-point-offset-checkpoint";
inline constexpr const char* kLogStartOffset = "log-start-offset-checkpoint";
/// The high watermarks.
inline constexpr const char* kReplication = "replication-offset-checkpoint";
/// Kafka's cleaner writes it; it is kept, and forgets what is deleted.
inline constexpr const char* kCleanerOffset = "cleaner-offset-checkpoint";
}  // namespace checkpoint_name

/// Reads a checkpoint: `0`, the number of entries, then `topic partition offset` by line. Empty when there is no
/// file. Error: kafka_storage_error naming the file and the line that is malformed.
Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& files, const std::string& path);
/// Replaces the checkpoint, durably. Blocks.
Result<void> write_offset_checkpoint(FileSystem& files, const std::string& path, const OffsetCheckpoint& offsets);

/// The lines behind version and count of any of Kafka's checkpoint files, checked against the count.
Result<std::vector<std::string>> checkpoint_entries(const std::string& text, const std::string& path);

}  // namespace gregor
