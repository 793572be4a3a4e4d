#include "runtime/bounded_ms.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

using namespace std::chrono_literals;

TEST(BoundedMs, IsTheSameTimeWhereADeadlineCanHoldIt) {
  EXPECT_EQ(bounded_ms(0), 0ms);
  EXPECT_EQ(bounded_ms(1500), 1500ms);
  EXPECT_EQ(bounded_ms(-1), -1ms);
  EXPECT_EQ(bounded_ms(7LL * 24 * 3600 * 1000), 7 * 24h);
}

TEST(BoundedMs, LargestNumbersStandForAHundredYears) {
  EXPECT_EQ(bounded_ms(INT64_MAX), 876'000h);
  EXPECT_EQ(bounded_ms(INT64_MIN), -876'000h);
  Instant soon(std::chrono::hours(1));
  EXPECT_GT(soon + bounded_ms(INT64_MAX), soon);
}

}  // namespace
}  // namespace gregor
