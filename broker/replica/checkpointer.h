#pragma once

#include <vector>

#include "broker/replica/partitions.h"
#include "runtime/async_mutex.h"
#include "runtime/repeating.h"

namespace gregor {

/// How often each checkpoint is looked at.
struct CheckpointIntervals {
  Duration high_watermarks;    ///< replica.high.watermark.checkpoint.interval.ms
  Duration recovery_points;    ///< log.flush.offset.checkpoint.interval.ms
  Duration log_start_offsets;  ///< log.flush.start.offset.checkpoint.interval.ms
};

/// Writes the checkpoint files whose content changed since the last time, in the background, from time to time. On
/// shard 0.
class Checkpointer {
 public:
  Checkpointer(Partitions& partitions, BackgroundPool& pool, std::vector<LogDirectory*> directories)
      : partitions_(partitions), pool_(pool), directories_(std::move(directories)) {}

  void start(const CheckpointIntervals& intervals);
  /// Writes all of them at once.
  Task<void> write_now();
  /// Returns once a write that is under way has ended.
  Task<void> stop();

 private:
  /// Writes one kind of checkpoint where it changed.
  Task<void> write(CheckpointKind kind);

  Partitions& partitions_;
  BackgroundPool& pool_;
  const std::vector<LogDirectory*> directories_;
  Repeating high_watermarks_;
  Repeating recovery_points_;
  Repeating log_start_offsets_;
  AsyncMutex writing_;
};

}  // namespace gregor
