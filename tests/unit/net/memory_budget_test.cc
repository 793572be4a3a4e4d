#include "broker/net/memory_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

/// Requests of two shards that share a budget of 100 bytes.
class MemoryBudgetTest : public ::testing::Test {
 protected:
  testing::Started<bool> grow(BudgetShare& share, size_t bytes, size_t shard = 0, std::stop_token gone = {}) {
    return shards_.start(share.grow_to(bytes, std::move(gone)), shard);
  }
  /// Its request is done.
  void end(std::unique_ptr<BudgetShare>& share) {
    share.reset();
    shards_.run_due();
  }
  std::unique_ptr<BudgetShare> share() { return std::make_unique<BudgetShare>(budget_); }

  testing::ManualShards shards_{2};
  MemoryBudget budget_{shards_[0], 100};
};

TEST_F(MemoryBudgetTest, RefusesNewcomersOnceItIsUsedUp) {
  auto first = share(), second = share(), third = share();
  EXPECT_TRUE(first->try_grow_to(99));
  EXPECT_TRUE(second->try_grow_to(50)) << "what is left may be overdrawn once";
  EXPECT_FALSE(third->try_grow_to(1));
}

TEST_F(MemoryBudgetTest, SharesAreGivenBack) {
  auto one = share();
  EXPECT_TRUE(one->try_grow_to(60));
  EXPECT_TRUE(one->try_grow_to(80));
  EXPECT_EQ(budget_.used_bytes(), 80u);
  end(one);
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(MemoryBudgetTest, OneOfThoseThatWaitForEachOtherGoesOn) {
  auto first = share(), second = share();
  EXPECT_TRUE(first->try_grow_to(50));
  EXPECT_TRUE(second->try_grow_to(50));
  EXPECT_TRUE(grow(*first, 90).value());
  EXPECT_TRUE(first->try_grow_to(200)) << "and all the way";
  auto waits = grow(*second, 90, 1);
  EXPECT_FALSE(waits.has_ended());
  end(first);
  EXPECT_TRUE(waits.value());
}

TEST_F(MemoryBudgetTest, WhoCameFirstIsServedFirst) {
  auto holder = share(), first = share(), second = share(), late = share();
  EXPECT_TRUE(holder->try_grow_to(100));
  auto first_waits = grow(*first, 100, 1);
  auto second_waits = grow(*second, 1, 0);
  EXPECT_FALSE(first_waits.has_ended() || second_waits.has_ended());
  EXPECT_FALSE(late->try_grow_to(1));
  end(holder);
  EXPECT_TRUE(first_waits.value());
  EXPECT_FALSE(second_waits.has_ended());
  EXPECT_FALSE(late->try_grow_to(1)) << "nobody gets ahead of who waits";
  end(first);
  EXPECT_TRUE(second_waits.value());
  EXPECT_TRUE(late->try_grow_to(1));
}

TEST_F(MemoryBudgetTest, WhoHasGoneWaitsNoMore) {
  auto holder = share(), gone_one = share(), other = share();
  std::stop_source gone;
  EXPECT_TRUE(holder->try_grow_to(100));
  auto waits = grow(*gone_one, 60, 1, gone.get_token());
  auto other_waits = grow(*other, 60, 1);
  auto leave = [&gone] { gone.request_stop(); };
  shards_.call(leave, 1);
  EXPECT_FALSE(waits.value());
  end(holder);
  EXPECT_TRUE(other_waits.value());
  EXPECT_EQ(budget_.used_bytes(), 60u);
}

TEST_F(MemoryBudgetTest, WhoHadGoneBeforeDoesNotWaitAtAll) {
  auto holder = share(), late = share();
  std::stop_source gone;
  gone.request_stop();
  EXPECT_TRUE(holder->try_grow_to(100));
  EXPECT_FALSE(grow(*late, 10, 1, gone.get_token()).value());
}

TEST_F(MemoryBudgetTest, AShareThatMovesTakesWhatItHoldsAndMayDoAlong) {
  auto first = share(), second = share();
  EXPECT_TRUE(first->try_grow_to(50));
  EXPECT_TRUE(second->try_grow_to(50));
  EXPECT_TRUE(grow(*first, 90).value()) << "overdraws";
  auto moved = std::make_unique<BudgetShare>(std::move(*first));
  end(first);
  EXPECT_EQ(budget_.used_bytes(), 140u);
  EXPECT_TRUE(moved->try_grow_to(200));
  auto waits = grow(*second, 90, 1);
  EXPECT_FALSE(waits.has_ended());
  end(moved);
  EXPECT_TRUE(waits.value());
  EXPECT_EQ(budget_.used_bytes(), 90u);
}

TEST_F(MemoryBudgetTest, AShareThatIsGivenBackEarlyLetsOthersInAndIsNotGivenBackTwice) {
  auto early = share(), other = share();
  EXPECT_TRUE(early->try_grow_to(100));
  auto waits = grow(*other, 60, 1);
  early->give_back();
  shards_.run_due();
  EXPECT_TRUE(waits.value());
  end(early);
  EXPECT_EQ(budget_.used_bytes(), 60u);
}

TEST_F(MemoryBudgetTest, OnlyOneOfManyThreadsTakesTheLastByte) {
  ASSERT_TRUE(budget_.limit_bytes() == 100);
  auto rest = share();
  ASSERT_TRUE(rest->try_grow_to(99));
  std::atomic<size_t> most{0};
  std::atomic<int> ready{0};
  auto contend = [&] {
    for (++ready; ready < 3;) std::this_thread::yield();
    for (int i = 0; i < 1'000'000; ++i) {
      BudgetShare mine(budget_);
      if (mine.try_grow_to(50)) most = std::max(most.load(), budget_.used_bytes());
    }
  };
  std::thread one(contend), two(contend), three(contend);
  one.join();
  two.join();
  three.join();
  EXPECT_EQ(most, 99u + 50);
  EXPECT_EQ(budget_.used_bytes(), 99u);
}

TEST_F(MemoryBudgetTest, ALargerLimitLetsThoseInThatWait) {
  auto holder = share(), other = share();
  EXPECT_TRUE(holder->try_grow_to(100));
  auto waits = grow(*other, 60, 1);
  budget_.set_limit(101);
  shards_.run_due();
  EXPECT_TRUE(waits.value());
}

}  // namespace
}  // namespace gregor
