#pragma once

#include <vector>

#include "broker/replica/partitions.h"
#include "runtime/repeating.h"

namespace gregor {

/// How often the chores are done.
struct MaintenanceIntervals {
  Duration retention;  ///< log.retention.check.interval.ms
  Duration flush;      ///< log.flush.scheduler.interval.ms
  Duration expiry;     ///< producer.id.expiration.check.interval.ms
};

/// What has to be done to all logs from time to time: removing old segments, syncing what flush.ms wants synced,
/// forgetting idle producers, and looking whether the log directories are still there, how much room they have and
/// whether logs can be opened that could not. On shard 0.
class Maintenance {
 public:
  Maintenance(Partitions& partitions, BackgroundPool& pool, std::vector<LogDirectory*> directories)
      : partitions_(partitions), pool_(pool), directories_(std::move(directories)) {}

  void start(const MaintenanceIntervals& intervals);
  /// Returns once a chore that is under way has ended.
  Task<void> stop();

  // The chores, also to be done at once.
  Task<void> apply_retention();
  Task<void> flush_what_is_due();
  Task<void> expire_producers();
  Task<void> look_at_directories();

 private:
  Partitions& partitions_;
  BackgroundPool& pool_;
  const std::vector<LogDirectory*> directories_;
  Repeating retention_;
  Repeating flush_;
  Repeating expiry_;
  Repeating look_;
};

}  // namespace gregor
