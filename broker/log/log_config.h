#pragma once

#include <cstdint>

namespace gregor {

/// What a log needs to know of its topic's configuration; the defaults are Kafka's.
struct LogConfig {
  uint64_t segment_size_bytes = 1 << 30;           ///< segment.bytes, at most 2^31 - 1
  uint32_t index_size_max_bytes = 10 << 20;        ///< segment.index.bytes
  uint32_t index_interval_bytes = 4096;            ///< index.interval.bytes
  int64_t segment_ms = 7LL * 24 * 60 * 60 * 1000;  ///< segment.ms
  /// Taken off `segment_ms`, chosen at random per partition up to segment.jitter.ms.
  int64_t segment_jitter_ms = 0;
};

}  // namespace gregor
