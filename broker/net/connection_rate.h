#pragma once

#include <cstdint>
#include <deque>

#include "runtime/clock.h"

namespace gregor {

/// The windows over which rates are measured: quota.window.num and quota.window.size.seconds.
struct RateWindows {
  size_t count = 11;
  Duration size = std::chrono::seconds(1);
};

/// How many connections a second there were, over windows as Kafka's rates have them: what came in the windows that
/// are remembered, over their time, which counts as all but one of them at least. Pure but for the time handed in.
class ConnectionRate {
 public:
  explicit ConnectionRate(RateWindows windows) : windows_(windows) {}

  /// Notes one connection. Yields how long to wait for the rate to fall to `limit`: one window at most, zero when
  /// it is not above.
  Duration record(int32_t limit, Instant now);
  /// Takes one back: it was not let in.
  void take_back();
  /// Connections a second.
  double per_second(Instant now);
  bool is_empty(Instant now) const;

 private:
  struct Sample {
    Instant begin;
    int64_t count = 0;
  };

  void forget_old(Instant now);
  Duration measured_time(Instant now) const;

  RateWindows windows_;
  std::deque<Sample> samples_;
};

}  // namespace gregor
