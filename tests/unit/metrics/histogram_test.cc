#include "broker/metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace gregor {
namespace {

using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};
// Half the width of a bucket that spans a 32nd of its value.
constexpr double kPrecision = 1.0 / 64;

HistogramTotal total_of(std::vector<Histogram*> histograms, Instant now = kStart) {
  HistogramTotal total;
  for (Histogram* histogram : histograms) total.add(*histogram, now);
  return total;
}

double exact_quantile(std::vector<uint64_t> values, double quantile) {
  std::sort(values.begin(), values.end());
  auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(values.size())));
  return static_cast<double>(values[std::max<size_t>(rank, 1) - 1]);
}

TEST(Histogram, OfNothingIsAllZero) {
  Histogram histogram;
  HistogramTotal total = total_of({&histogram});
  EXPECT_EQ(total.count(), 0U);
  EXPECT_EQ(total.sum(), 0);
  EXPECT_EQ(total.quantile(0.99), 0);
}

TEST(Histogram, TellsSmallValuesExactly) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 60; ++value) histogram.record(value, kStart);
  HistogramTotal total = total_of({&histogram});
  EXPECT_EQ(total.count(), 60U);
  EXPECT_EQ(total.sum(), 60 * 61 / 2);
  EXPECT_EQ(total.quantile(0.5), 30);
  EXPECT_EQ(total.quantile(0.95), 57);
  EXPECT_EQ(total.quantile(1), 60);
}

TEST(Histogram, TellsQuantilesOfAllSizesWithinHalfABucket) {
  std::mt19937_64 random(20240917);
  for (int shape = 0; shape < 3; ++shape) {
    Histogram histogram;
    std::vector<uint64_t> values;
    for (int i = 0; i < 20'000; ++i) {
      double exponent = std::uniform_real_distribution<double>(0, 12 + 12 * shape)(random);
      values.push_back(static_cast<uint64_t>(std::exp2(exponent)));
      histogram.record(values.back(), kStart);
    }
    HistogramTotal total = total_of({&histogram});
    for (double quantile : {0.01, 0.5, 0.75, 0.95, 0.98, 0.99, 0.999, 1.0}) {
      double exact = exact_quantile(values, quantile);
      EXPECT_NEAR(total.quantile(quantile), exact, std::max(1.0, exact * kPrecision)) << quantile;
    }
  }
}

TEST(Histogram, TakesTheGreatestValueThereIs) {
  Histogram histogram;
  histogram.record(~0ULL, kStart);
  EXPECT_GT(total_of({&histogram}).quantile(0.5), 1e15);
}

TEST(Histogram, TakesATimeThatRanBackwardsForNone) {
  Histogram histogram;
  histogram.record(Duration(-5), kStart);
  HistogramTotal total = total_of({&histogram});
  EXPECT_EQ(total.count(), 1U);
  EXPECT_EQ(total.sum(), 0);
}

TEST(Histogram, AddsUpWhatShardsSaw) {
  Histogram one;
  Histogram other;
  for (uint64_t value = 1; value <= 10; ++value) one.record(value, kStart);
  for (uint64_t value = 11; value <= 20; ++value) other.record(value, kStart);
  HistogramTotal total = total_of({&one, &other});
  EXPECT_EQ(total.count(), 20U);
  EXPECT_EQ(total.sum(), 210);
  EXPECT_EQ(total.quantile(0.5), 10);
  EXPECT_EQ(total.quantile(1), 20);
}

TEST(Histogram, ForgetsOldValuesInItsQuantilesOnly) {
  Histogram histogram;
  histogram.record(uint64_t{40}, kStart);
  EXPECT_EQ(total_of({&histogram}, kStart + seconds(151)).quantile(1), 40) << "of the window before";
  histogram.record(uint64_t{7}, kStart + seconds(160));
  EXPECT_EQ(total_of({&histogram}, kStart + seconds(160)).quantile(1), 40);
  HistogramTotal later = total_of({&histogram}, kStart + seconds(302));
  EXPECT_EQ(later.quantile(1), 7);
  EXPECT_EQ(later.count(), 2U);
  EXPECT_EQ(later.sum(), 47);
  EXPECT_EQ(total_of({&histogram}, kStart + seconds(1000)).quantile(1), 0) << "nothing happened for long";
}

}  // namespace
}  // namespace gregor
