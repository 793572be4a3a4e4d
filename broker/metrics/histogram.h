#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/clock.h"

namespace gregor {

/// How often each value occurred, in buckets whose width is at most a 32nd of their value; values below 32 are
/// exact. Takes as much memory as the greatest value needs: some 3 KB for a second in nanoseconds.
class BucketCounts {
 public:
  void add(uint64_t value);
  void add(const BucketCounts& others);
  void clear() { counts_.clear(); }

  uint64_t total() const;
  /// The value below which the share `quantile` (0 to 1) of all values lies; 0 when there are none.
  double quantile(double quantile) const;

 private:
  std::vector<uint32_t> counts_;
};

/// The values of one kind that one shard saw, times in nanoseconds or sizes in bytes. Count and sum are of all
/// time; quantiles are of the last two and a half to five minutes, about what Kafka's histograms look back on.
class Histogram {
 public:
  void record(uint64_t value, Instant now);
  void record(Duration time, Instant now);

 private:
  friend class HistogramTotal;

  void turn(Instant now);

  uint64_t count_ = 0;
  double sum_ = 0;
  Instant window_end_{};
  std::array<BucketCounts, 2> windows_;  ///< the present one first
};

/// The sum of histograms of several shards.
class HistogramTotal {
 public:
  /// Called on the shard of `histogram`, whose windows it turns if it is time.
  void add(Histogram& histogram, Instant now);

  uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double quantile(double quantile) const { return recent_.quantile(quantile); }

 private:
  uint64_t count_ = 0;
  double sum_ = 0;
  BucketCounts recent_;
};

}  // namespace gregor
