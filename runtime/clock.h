#pragma once

#include <chrono>
#include <cstdint>

namespace gregor {

using Duration = std::chrono::nanoseconds;
/// A point on the clock that never steps; only differences mean anything.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Time as the rest of the program sees it. Any thread may ask.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  /// Milliseconds since 1970-01-01 UTC, as records and znodes carry them; it may step.
  virtual int64_t wall_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  int64_t wall_ms() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
};

}  // namespace gregor
