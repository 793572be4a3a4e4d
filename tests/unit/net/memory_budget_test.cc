#include "broker/net/memory_budget.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

TEST(MemoryBudget, RefusesNewcomersOnceItIsUsedUp) {
  MemoryBudget budget(100);
  BudgetShare first(budget);
  BudgetShare second(budget);
  EXPECT_TRUE(first.try_grow_to(99));
  EXPECT_TRUE(second.try_grow_to(50)) << "what is left may be overdrawn once";
  BudgetShare third(budget);
  EXPECT_FALSE(third.try_grow_to(1));
}

TEST(MemoryBudget, SharesAreGivenBack) {
  MemoryBudget budget(100);
  {
    BudgetShare share(budget);
    EXPECT_TRUE(share.try_grow_to(60));
    EXPECT_TRUE(share.try_grow_to(80));
    EXPECT_EQ(budget.used_bytes(), 80u);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(MemoryBudget, OneOfThoseThatWaitForEachOtherGoesOn) {
  MemoryBudget budget(100);
  BudgetShare second(budget);
  {
    BudgetShare first(budget);
    EXPECT_TRUE(first.try_grow_to(50));
    EXPECT_TRUE(second.try_grow_to(50));
    EXPECT_TRUE(first.try_grow_to(90));
    EXPECT_TRUE(first.try_grow_to(200));
    EXPECT_FALSE(second.try_grow_to(90));
  }
  EXPECT_TRUE(second.try_grow_to(90));
}

}  // namespace
}  // namespace gregor
