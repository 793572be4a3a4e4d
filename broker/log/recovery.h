#pragma once

#include <memory>
#include <vector>

#include "broker/log/leader_epoch_cache.h"
#include "broker/log/log_producers.h"
#include "broker/log/segment.h"
#include "broker/types/topic_partition.h"

namespace gregor {

/// What is known about a log before it is opened, from the log directory's checkpoints.
struct OpenOptions {
  /// The process that had it last closed it; then nothing is scanned.
  bool clean_shutdown = false;
  /// Everything below is on the disk.
  Offset recovery_point{0};
  Offset log_start_offset{0};
  /// Whether `recovery_point` was said by a checkpoint; where there was none it is 0.
  bool knows_recovery_point = true;
  /// Whether all that an earlier process did to the directory is durable.
  bool is_directory_durable = false;
  /// Reads all batches, whatever the shutdown and the recovery point.
  bool reads_everything = false;
};

/// Where the log lives and by whose clock; all outlive the log.
struct LogPlace {
  FileSystem& files;
  const std::string& directory;
  const LogConfig& config;
  int64_t now_ms;
};

struct LoadedLog {
  std::vector<std::unique_ptr<Segment>> segments;  ///< ascending, at least one
  Offset log_end_offset;
  Offset recovery_point;
};

/// Loads the segments of an existing directory, finishing what an interrupted deletion or compaction left and
/// rebuilding indexes that are missing or damaged. Unless the shutdown was clean, every segment that reaches beyond
/// the recovery point is read batch by batch: the log ends before the first that is torn, corrupt or out of order,
/// or at a segment's end that the next segment does not follow on, and later segments are deleted. `epochs` learns
/// the epochs met and is cut to the log's bounds; `producers` gets the state at the log's end, of snapshots and
/// what that one pass reads. Errors: kafka_storage_error naming the file.
Result<LoadedLog> load_log(const LogPlace& place, const TopicPartition& name, const OpenOptions& options,
                           LeaderEpochCache& epochs, LogProducers& producers);

}  // namespace gregor
