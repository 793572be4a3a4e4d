#include "broker/replica/checkpointer.h"

#include "runtime/logging.h"

namespace gregor {

void Checkpointer::start(const CheckpointIntervals& intervals) {
  high_watermarks_.start(intervals.high_watermarks, [this] {
    return write(&DirectoryCheckpoints::high_watermarks, &LogDirectory::write_high_watermarks);
  });
  recovery_points_.start(intervals.recovery_points, [this] {
    return write(&DirectoryCheckpoints::recovery_points, &LogDirectory::write_recovery_points);
  });
  log_start_offsets_.start(intervals.log_start_offsets, [this] {
    return write(&DirectoryCheckpoints::log_start_offsets, &LogDirectory::write_log_start_offsets);
  });
}

Task<void> Checkpointer::write_now() {
  co_await write(&DirectoryCheckpoints::high_watermarks, &LogDirectory::write_high_watermarks);
  co_await write(&DirectoryCheckpoints::recovery_points, &LogDirectory::write_recovery_points);
  co_await write(&DirectoryCheckpoints::log_start_offsets, &LogDirectory::write_log_start_offsets);
}

Task<void> Checkpointer::stop() {
  co_await high_watermarks_.stop();
  co_await recovery_points_.stop();
  co_await log_start_offsets_.stop();
}

Task<void> Checkpointer::write(Offsets offsets, Write replace) {
  AsyncMutex::Guard writing = co_await writing_.lock();
  // Or what is written could be about a log that was deleted meanwhile, and count for a new one of its name.
  AsyncMutex::Guard unchanged = co_await partitions_.changing().lock();
  AllCheckpoints all = co_await partitions_.checkpoints();
  for (LogDirectory* directory : directories_) {
    OffsetCheckpoint& now = all[directory].*offsets;
    OffsetCheckpoint& before = written_[directory].*offsets;
    if (now == before || directory->health().is_offline()) continue;
    auto in_place = [&] { return (directory->*replace)(now); };
    Result<void> written = co_await in_background(pool_, in_place);
    if (written) {
      before = std::move(now);
    } else if (directory->health().takes_records()) {
      // Of a full or failed disk the directory itself has spoken.
      log::error("could not write a checkpoint reason=\"{}\"", written.error().message);
    }
  }
}

}  // namespace gregor
