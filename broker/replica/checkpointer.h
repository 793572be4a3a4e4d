#pragma once

#include <vector>

#include "broker/coordination/wait_list.h"
#include "broker/replica/partitions.h"
#include "runtime/async_mutex.h"

namespace gregor {

/// Writes the checkpoint files whose content changed since the last call, in the background, from time to time.
class Checkpointer {
 public:
  Checkpointer(Partitions& partitions, BackgroundPool& pool, std::vector<LogDirectory*> directories)
      : partitions_(partitions), pool_(pool), directories_(std::move(directories)) {}

  /// Goes on until `stop`. On shard 0.
  Task<void> run(Duration high_watermark_interval, Duration recovery_point_interval);
  /// Ends `run`, and returns once a write that is under way has ended.
  Task<void> stop();

 private:
  Task<void> write_high_watermarks();
  Task<void> write_recovery_points();

  Partitions& partitions_;
  BackgroundPool& pool_;
  const std::vector<LogDirectory*> directories_;
  bool stopping_ = false;
  WaitList stopped_;
  AsyncMutex writing_;
  AllCheckpoints written_;
};

}  // namespace gregor
