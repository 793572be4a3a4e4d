#pragma once

#include <algorithm>

#include "runtime/clock.h"

namespace gregor {

/// So many milliseconds, or a hundred years where they are more: options may have the largest number that there is,
/// and neither a Duration nor a deadline can hold that.
constexpr Duration bounded_ms(int64_t ms) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365 * 100);
  return std::clamp(std::chrono::milliseconds(ms), -kLongest, kLongest);
}

}  // namespace gregor
