#include "broker/replica/checkpointer.h"

#include "runtime/logging.h"

namespace gregor {

void Checkpointer::start(const CheckpointIntervals& intervals) {
  high_watermarks_.start(intervals.high_watermarks, [this] { return write(CheckpointKind::high_watermark); });
  recovery_points_.start(intervals.recovery_points, [this] { return write(CheckpointKind::recovery_point); });
  log_start_offsets_.start(intervals.log_start_offsets, [this] { return write(CheckpointKind::log_start); });
}

Task<void> Checkpointer::write_now() {
  co_await write(CheckpointKind::high_watermark);
  co_await write(CheckpointKind::recovery_point);
  co_await write(CheckpointKind::log_start);
}

Task<void> Checkpointer::stop() {
  co_await high_watermarks_.stop();
  co_await recovery_points_.stop();
  co_await log_start_offsets_.stop();
}

Task<void> Checkpointer::write(CheckpointKind kind) {
  AsyncMutex::Guard writing = co_await writing_.lock();
  AllCheckpoints all = co_await partitions_.checkpoints();
  for (LogDirectory* directory : directories_) {
    if (directory->health().is_offline()) continue;
    CollectedCheckpoints& collected = all[directory];
    auto in_place = [&] {
      return directory->checkpoints().replace(kind, std::move(collected.of(kind)), collected.generation);
    };
    Result<void> written = co_await in_background(pool_, in_place);
    // Of a full or failed disk the directory itself has spoken.
    if (written || !directory->health().takes_records()) continue;
    log::error("could not write a checkpoint reason=\"{}\"", written.error().message);
  }
}

}  // namespace gregor
