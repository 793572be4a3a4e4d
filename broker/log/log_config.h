#pragma once

#include <cstdint>

namespace gregor {

/// What a log needs to know of its topic's configuration; the defaults are Kafka's.
struct LogConfig {
  uint64_t segment_size_bytes = 1 << 30;           ///< segment.bytes, at most 2^31 - 1
  uint32_t index_size_max_bytes = 10 << 20;        ///< segment.index.bytes
  uint32_t index_interval_bytes = 4096;            ///< index.interval.bytes
  int64_t segment_ms = 7LL * 24 * 60 * 60 * 1000;  ///< segment.ms
  /// segment.jitter.ms: up to so much is taken off `segment_ms`, so that not all logs roll at once.
  int64_t segment_jitter_ms = 0;
  int64_t producer_expiration_ms = 24LL * 60 * 60 * 1000;  ///< producer.id.expiration.ms
  bool preallocate = false;  ///< preallocate: a new segment takes all its room at once
  /// cleanup.policy contains compact: a segment may end before the next one begins. In any other log that is a sign
  /// of records that a loss of power took.
  bool is_compacted = false;
};

/// How long a log keeps its records: none of the bounds counts where it is negative.
struct LogRetention {
  int64_t max_age_ms = -1;      ///< retention.ms, where cleanup.policy contains delete
  int64_t max_size_bytes = -1;  ///< retention.bytes, likewise
};

}  // namespace gregor
