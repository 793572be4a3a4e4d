#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/clock.h"

namespace gregor {

/// Spreads what is transferred over time, so that it stays below a rate. On one shard.
class TransferPace {
 public:
  /// Notes that `bytes` were transferred at `now`, and yields how long to pause before the next. A rate of
  /// INT64_MAX bytes a second is no bound, and one of 0 lets a byte pass every now and then.
  Duration note(uint64_t bytes, int64_t bytes_per_second, Instant now) {
    constexpr double kLongestPause = 60;
    if (bytes_per_second == INT64_MAX) return Duration::zero();
    double seconds = static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(bytes_per_second, 1));
    auto cost =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(seconds, kLongestPause)));
    free_at_ = std::max(free_at_, now) + cost;
    return free_at_ - now;
  }

 private:
  Instant free_at_{};  ///< when what was transferred so far is paid for
};

}  // namespace gregor
