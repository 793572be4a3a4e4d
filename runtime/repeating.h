#pragma once

#include <functional>

#include "runtime/async_mutex.h"
#include "runtime/shard.h"

namespace gregor {

/// Does something again and again, with a pause between the end of one time and the beginning of the next. On one
/// shard.
class Repeating {
 public:
  Repeating() = default;
  Repeating(const Repeating&) = delete;
  Repeating& operator=(const Repeating&) = delete;

  /// Begins with the pause, on the calling shard.
  void start(Duration pause, std::function<Task<void>()> work) {
    pause_ = pause;
    work_ = std::move(work);
    is_on_ = true;
    schedule();
  }
  /// Returns once the work, if it is under way, has ended; it does not begin again.
  Task<void> stop() {
    is_on_ = false;
    Shard::current()->cancel(timer_);
    AsyncMutex::Guard last_time_ended = co_await working_.lock();
  }

 private:
  void schedule() {
    // A pause of years is never over, and the clock can't count that far.
    constexpr Duration kEndless = std::chrono::hours(24 * 365 * 10);
    if (is_on_ && pause_ < kEndless) timer_ = Shard::current()->call_after(pause_, [this] { spawn(work_once()); });
  }
  Task<void> work_once() {
    AsyncMutex::Guard working = co_await working_.lock();
    if (!is_on_) co_return;
    co_await work_();
    schedule();
  }

  Duration pause_{};
  std::function<Task<void>()> work_;
  bool is_on_ = false;
  TimerId timer_ = 0;
  AsyncMutex working_;
};

}  // namespace gregor
