#include "broker/metrics/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace gregor {
namespace {

constexpr Duration kWindow = std::chrono::seconds(150);
// Each power of two is divided into so many buckets.
constexpr unsigned kDivisionBits = 5;
constexpr uint64_t kDivisions = 1 << kDivisionBits;
// What is greater counts as this: thirteen days in nanoseconds.
constexpr uint64_t kGreatest = (1ULL << 50) - 1;

size_t bucket_of(uint64_t value) {
  value = std::min(value, kGreatest);
  if (value < kDivisions) return value;
  unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kDivisionBits;
  return shift * kDivisions + (value >> shift);
}

/// The middle of a bucket.
double value_of(size_t bucket) {
  if (bucket < 2 * kDivisions) return static_cast<double>(bucket);
  size_t shift = bucket / kDivisions - 1;
  auto begin = static_cast<double>((bucket % kDivisions + kDivisions) << shift);
  return begin + static_cast<double>(1ULL << shift) / 2;
}

}  // namespace

void BucketCounts::add(uint64_t value) {
  size_t bucket = bucket_of(value);
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
}

void BucketCounts::add(const BucketCounts& others) {
  counts_.resize(std::max(counts_.size(), others.counts_.size()));
  for (size_t i = 0; i < others.counts_.size(); ++i) counts_[i] += others.counts_[i];
}

uint64_t BucketCounts::total() const {
  uint64_t total = 0;
  for (uint32_t count : counts_) total += count;
  return total;
}

double BucketCounts::quantile(double quantile) const {
  auto rank = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(total())));
  rank = std::max<uint64_t>(rank, 1);
  uint64_t passed = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    passed += counts_[bucket];
    if (passed >= rank) return value_of(bucket);
  }
  return 0;
}

void Histogram::record(uint64_t value, Instant now) {
  turn(now);
  ++count_;
  sum_ += static_cast<double>(value);
  windows_[0].add(value);
}

void Histogram::record(Duration time, Instant now) {
  record(static_cast<uint64_t>(std::max<int64_t>(time.count(), 0)), now);
}

void Histogram::turn(Instant now) {
  if (now < window_end_) return;
  bool is_previous_recent = now < window_end_ + kWindow;
  if (is_previous_recent) {
    std::swap(windows_[0], windows_[1]);
  } else {
    windows_[1].clear();
  }
  windows_[0].clear();
  window_end_ = now + kWindow;
}

void HistogramTotal::add(Histogram& histogram, Instant now) {
  histogram.turn(now);
  count_ += histogram.count_;
  sum_ += histogram.sum_;
  for (const auto& window : histogram.windows_) recent_.add(window);
}

}  // namespace gregor
