#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/log/segment.h"

namespace gregor {

/// A record found by its timestamp, as ListOffsets reports it.
struct TimestampedOffset {
  Offset offset;
  int64_t timestamp = -1;
  LeaderEpoch leader_epoch = kNoEpoch;
};

using Segments = std::vector<std::unique_ptr<Segment>>;

/// The first record at `start_offset` or later whose timestamp is `timestamp` or more; none when there is none.
/// Reads the batches that may hold it, decompressing where needed. Records of magic 0 have no timestamps and are
/// never found; those of magic 1 are looked at one by one, also inside a compressed one.
Result<std::optional<TimestampedOffset>> find_timestamp(const Segments& segments, int64_t timestamp,
                                                        Offset start_offset);
/// The first record of the first batch that has the greatest timestamp of all (KIP-734), which is -1 where no
/// record has one; none in an empty log.
Result<std::optional<TimestampedOffset>> find_max_timestamp(const Segments& segments);

}  // namespace gregor
