#include "broker/replica/checkpointer.h"

#include <algorithm>

#include "runtime/logging.h"

namespace gregor {

Task<void> Checkpointer::run(Duration high_watermark_interval, Duration recovery_point_interval) {
  Instant next_recovery_point = Shard::current()->clock().now() + recovery_point_interval;
  while (!stopping_) {
    Instant next = Shard::current()->clock().now() + std::min(high_watermark_interval, recovery_point_interval);
    auto pause = stopped_.wait(next);
    co_await pause;
    if (stopping_) co_return;
    co_await write_high_watermarks();
    if (stopping_ || Shard::current()->clock().now() < next_recovery_point) continue;
    co_await write_recovery_points();
    next_recovery_point = Shard::current()->clock().now() + recovery_point_interval;
  }
}

Task<void> Checkpointer::stop() {
  stopping_ = true;
  stopped_.wake_all();
  AsyncMutex::Guard last_write_ended = co_await writing_.lock();
}

Task<void> Checkpointer::write_high_watermarks() {
  AsyncMutex::Guard writing = co_await writing_.lock();
  AllCheckpoints all = co_await partitions_.checkpoints();
  for (LogDirectory* directory : directories_) {
    if (stopping_ || all[directory].high_watermarks == written_[directory].high_watermarks) continue;
    auto write = [&] { return directory->write_high_watermarks(all[directory].high_watermarks); };
    Result<void> written = co_await in_background(pool_, write);
    if (!written) {
      log::error("could not write a checkpoint reason=\"{}\"", written.error().message);
      continue;
    }
    written_[directory].high_watermarks = std::move(all[directory].high_watermarks);
  }
}

Task<void> Checkpointer::write_recovery_points() {
  AsyncMutex::Guard writing = co_await writing_.lock();
  AllCheckpoints all = co_await partitions_.checkpoints();
  for (LogDirectory* directory : directories_) {
    if (stopping_ || all[directory].recovery_points == written_[directory].recovery_points) continue;
    auto write = [&]() -> Result<void> {
      auto written = directory->write_recovery_points(all[directory].recovery_points);
      return written ? directory->write_log_start_offsets(all[directory].log_start_offsets) : written;
    };
    Result<void> written = co_await in_background(pool_, write);
    if (!written) {
      log::error("could not write a checkpoint reason=\"{}\"", written.error().message);
      continue;
    }
    written_[directory].recovery_points = std::move(all[directory].recovery_points);
  }
}

}  // namespace gregor
