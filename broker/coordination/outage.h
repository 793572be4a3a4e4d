#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/clock.h"

namespace gregor {

/// What a line of the C client's log says, in one line and without its time stamp; empty for a line that says
/// nothing.
std::string words_of_client(std::string_view line);

/// When to say that there is no connection to ZooKeeper still: less and less often.
class OutagePace {
 public:
  /// How long to wait before it is said for the next time.
  Duration next() {
    Duration pause = pause_;
    pause_ = std::min(2 * pause_, kLongest);
    return pause;
  }
  void reset() { pause_ = kShortest; }

 private:
  static constexpr Duration kShortest = std::chrono::seconds(5);
  static constexpr Duration kLongest = std::chrono::minutes(5);
  Duration pause_ = kShortest;
};

}  // namespace gregor
