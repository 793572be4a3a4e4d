#include "runtime/shard.h"

#include <gtest/gtest.h>

#include <atomic>

#include "runtime/background_pool.h"
#include "runtime/idle_meter.h"
#include "tests/support/test_shard.h"

namespace gregor {
namespace {

using testing::TestShard;

Task<int> add_on(Shard& other, int a, int b) {
  auto add = [a, b] { return a + b; };
  int sum = co_await on(other, add);
  co_return sum;
}

TEST(Shard, RunsFunctionsOfAnotherShardAndComesBack) {
  TestShard here;
  TestShard there;
  auto check = [&]() -> bool { return Shard::current() == &*here; };
  EXPECT_EQ(here.run(add_on(*there, 2, 3)), 5);
  EXPECT_TRUE(here.call(check));
}

Task<std::vector<int>> gather_from(Shard& other) {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(add_on(other, i, i));
  std::vector<int> sums = co_await when_all(std::move(tasks));
  co_return sums;
}

TEST(Shard, GathersInTheOrderAsked) {
  TestShard here;
  TestShard there;
  auto sums = here.run(gather_from(*there));
  ASSERT_EQ(sums.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sums[static_cast<size_t>(i)], 2 * i);
}

Task<bool> hop_many_times(Shard& home, Shard& other) {
  bool right = true;
  for (int i = 0; i < 10'000; ++i) {
    co_await switch_to(other);
    right = right && other.is_current();
    co_await switch_to(home);
    right = right && home.is_current();
  }
  co_return right;
}

TEST(Shard, NeverLosesAWakeUp) {
  TestShard here;
  TestShard there;
  EXPECT_TRUE(here.run(hop_many_times(*here, *there)));
}

TEST(Shard, RunsTimersInOrderAndForgetsCancelledOnes) {
  TestShard shard;
  std::vector<int> order;
  std::atomic<bool> done{false};
  auto arrange = [&] {
    using std::chrono::milliseconds;
    shard->call_after(milliseconds(20), [&] { order.push_back(2); });
    shard->call_after(milliseconds(5), [&] { order.push_back(1); });
    TimerId never = shard->call_after(milliseconds(10), [&] { order.push_back(99); });
    shard->cancel(never);
    shard->call_after(milliseconds(30), [&] { done = true; });
    return true;
  };
  shard.call(arrange);
  while (!done) std::this_thread::yield();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(IdleMeter, IsThePartOfTheLastTwoWindowsThatWasWaited) {
  using std::chrono::seconds;
  Instant start{std::chrono::hours(1)};
  IdleMeter meter(start);
  EXPECT_DOUBLE_EQ(meter.ratio(start), 1);
  meter.waited(start + seconds(2), start + seconds(10));
  EXPECT_DOUBLE_EQ(meter.ratio(start + seconds(10)), 0.8);
  EXPECT_DOUBLE_EQ(meter.ratio(start + seconds(16)), 0.5);
  meter.waited(start + seconds(29), start + seconds(30));
  EXPECT_DOUBLE_EQ(meter.ratio(start + seconds(45)), 0.2) << "9 of 45";
  // Busy from now on: what was waited is forgotten.
  meter.ratio(start + seconds(61));
  meter.ratio(start + seconds(92));
  EXPECT_DOUBLE_EQ(meter.ratio(start + seconds(100)), 0);
}

TEST(Shard, MeasuresHowIdleItIs) {
  using std::chrono::milliseconds;
  TestShard shard;
  auto ratio = [&] { return shard->idle_ratio(); };
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_GT(shard.call(ratio), 0.5);
  auto work = [] {
    auto end = std::chrono::steady_clock::now() + milliseconds(800);
    while (std::chrono::steady_clock::now() < end) {
    }
    return true;
  };
  shard.call(work);
  EXPECT_LT(shard.call(ratio), 0.5);
}

Task<int> count_in_background(BackgroundPool& pool) {
  int total = 0;
  for (int i = 0; i < 50; ++i) {
    auto one = [] { return Shard::current() == nullptr ? 1 : 0; };
    int value = co_await in_background(pool, one);
    total += value;
  }
  co_return total;
}

TEST(BackgroundPool, RunsOutsideTheShard) {
  TestShard shard;
  ThreadPool pool(3);
  EXPECT_EQ(shard.run(count_in_background(pool)), 50);
}

}  // namespace
}  // namespace gregor
