#pragma once

#include "runtime/clock.h"

namespace gregor {

/// Which part of the recent time was spent waiting: of the present window and the one before it. A window takes
/// half a minute, or as long as nobody told or asked anything. Time comes in as an argument.
class IdleMeter {
 public:
  explicit IdleMeter(Instant now) : before_{now}, present_{now} {}

  void waited(Instant begin, Instant end) {
    present_.waited += end - begin;
    turn(end);
  }
  /// From 0 to 1.
  double ratio(Instant now) {
    Duration time = now - before_.begin;
    Duration waited = before_.waited + present_.waited;
    turn(now);
    return time > Duration::zero() ? static_cast<double>(waited.count()) / static_cast<double>(time.count()) : 1;
  }

 private:
  static constexpr Duration kWindow = std::chrono::seconds(30);

  struct Window {
    Instant begin;
    Duration waited{};
  };

  void turn(Instant now) {
    if (now - present_.begin < kWindow) return;
    before_ = present_;
    present_ = {now};
  }

  Window before_;
  Window present_;
};

}  // namespace gregor
