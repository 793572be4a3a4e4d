#pragma once

#include <map>
#include <vector>

#include "broker/types/ids.h"

namespace gregor {

/// How far a partition's log is known to every in-sync replica: what consumers may see and acks=all waits for.
///
/// Kept by the leader. Pure: told of log ends and of the in-sync set, it yields the high watermark, which never
/// falls while the same broker leads. A replica that has not reported since leadership began counts as being at the
/// start.
class HighWatermark {
 public:
  /// `known` is what was checkpointed, or told by a leader.
  HighWatermark(BrokerId self, Offset known) : self_(self), value_(known) {}

  /// This replica begins to lead, with a log that ends at `log_end`.
  void begin_leading(std::vector<BrokerId> in_sync, Offset log_end);
  /// The in-sync set changed. True when the high watermark rose.
  bool set_in_sync(std::vector<BrokerId> in_sync);
  /// `replica`'s log now ends at `log_end` (exclusive). True when the high watermark rose.
  bool on_log_end(BrokerId replica, Offset log_end);

  Offset value() const { return value_; }
  const std::vector<BrokerId>& in_sync() const { return in_sync_; }

 private:
  bool advance();

  const BrokerId self_;
  std::vector<BrokerId> in_sync_;
  std::map<BrokerId, Offset> log_ends_;
  Offset value_;
};

}  // namespace gregor
