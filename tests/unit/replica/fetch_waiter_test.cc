#include "broker/replica/fetch_waiter.h"

#include <gtest/gtest.h>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

/// A fetch that waits for bytes, on shard 0 of two.
class FetchWaiterTest : public ::testing::Test {
 protected:
  Task<bool> wait(std::shared_ptr<FetchWaiter> waiter, Duration timeout, std::stop_token gone) {
    auto look = [this] { looked_on_.push_back(Shard::current()->index()); };
    co_await waiter->wait(timeout, gone, look);
    EXPECT_EQ(Shard::current()->index(), 0u);
    co_return true;
  }
  void begin(int64_t wanted_bytes, Duration timeout = 1s) {
    waiter_ = shards_.call([&] { return std::make_shared<FetchWaiter>(wanted_bytes); });
    waiting_ = shards_.start(wait(waiter_, timeout, gone_.get_token()));
  }
  void report(int64_t bytes, size_t shard = 1) {
    shards_.call([&] { waiter_->on_readable(bytes); }, shard);
  }

  testing::ManualShards shards_{2};
  std::stop_source gone_;
  std::shared_ptr<FetchWaiter> waiter_;
  testing::Started<bool> waiting_;
  std::vector<size_t> looked_on_;
};

TEST_F(FetchWaiterTest, WakesWithExactlyTheWantedBytesAndNotBefore) {
  begin(100);
  report(60);
  report(39);
  EXPECT_FALSE(waiting_.has_ended());
  EXPECT_FALSE(waiter_->is_done());
  report(1);
  EXPECT_TRUE(waiting_.has_ended());
  EXPECT_TRUE(waiter_->is_done());
}

TEST_F(FetchWaiterTest, WakesAfterItsTimeout) {
  begin(100, 500ms);
  shards_.advance(499ms);
  EXPECT_FALSE(waiting_.has_ended());
  shards_.advance(1ms);
  EXPECT_TRUE(waiting_.has_ended());
  EXPECT_TRUE(waiter_->is_done());
}

TEST_F(FetchWaiterTest, WakesWhenTheClientIsGone) {
  begin(100);
  gone_.request_stop();
  shards_.run_due();
  EXPECT_TRUE(waiting_.has_ended());
}

TEST_F(FetchWaiterTest, DoesNotWaitForAClientThatIsGoneAlready) {
  gone_.request_stop();
  begin(100);
  EXPECT_TRUE(waiting_.has_ended());
}

TEST_F(FetchWaiterTest, DoesNotWaitWhenItWasWokenBefore) {
  waiter_ = shards_.call([] { return std::make_shared<FetchWaiter>(100); });
  shards_.call([&] { waiter_->on_change(); }, 1);
  waiting_ = shards_.start(wait(waiter_, 1s, {}));
  EXPECT_TRUE(waiting_.has_ended());
}

TEST_F(FetchWaiterTest, LooksOnceWhereTheReportWasEnough) {
  begin(100);
  report(50, 0);
  report(50, 1);
  report(50, 0);
  ASSERT_TRUE(waiting_.has_ended());
  EXPECT_EQ(looked_on_, std::vector<size_t>{1});
}

TEST_F(FetchWaiterTest, LooksAtHomeAfterItsTimeout) {
  begin(100, 1ms);
  report(50, 1);
  shards_.advance(1ms);
  ASSERT_TRUE(waiting_.has_ended());
  EXPECT_EQ(looked_on_, std::vector<size_t>{0});
}

TEST_F(FetchWaiterTest, WakesWhenSomethingElseChanges) {
  begin(100);
  shards_.call([&] { waiter_->on_change(); }, 1);
  EXPECT_TRUE(waiting_.has_ended());
}

TEST_F(FetchWaiterTest, WhatTheFetchHasReadItselfIsNotWaitedFor) {
  waiter_ = shards_.call([] { return std::make_shared<FetchWaiter>(100); });
  shards_.call([&] { waiter_->note_read(60); });
  waiting_ = shards_.start(wait(waiter_, 1s, {}));
  report(39);
  EXPECT_FALSE(waiting_.has_ended());
  report(1);
  EXPECT_TRUE(waiting_.has_ended());
}

TEST_F(FetchWaiterTest, KnowsWhichShardsHaveNews) {
  auto has_news_of = [&](size_t shard) {
    return shards_.call([&] { return waiter_->has_news_of(*Shard::current()); }, shard);
  };
  begin(100);
  shards_.call([&] { waiter_->note_read(10); });
  EXPECT_FALSE(has_news_of(0));
  EXPECT_FALSE(has_news_of(1));
  report(1, 1);
  EXPECT_FALSE(has_news_of(0));
  EXPECT_TRUE(has_news_of(1));
  shards_.call([&] { waiter_->on_change(); }, 0);
  EXPECT_TRUE(has_news_of(0));
}

TEST_F(FetchWaiterTest, IsDoneOnceItIsAbandoned) {
  waiter_ = shards_.call([] { return std::make_shared<FetchWaiter>(100); });
  shards_.call([&] { waiter_->abandon(); });
  EXPECT_TRUE(waiter_->is_done());
  report(100);
  shards_.run_due();
}

TEST_F(FetchWaiterTest, ReportsAfterItsEndAreHarmless) {
  begin(100, 1ms);
  shards_.advance(1ms);
  ASSERT_TRUE(waiting_.has_ended());
  report(1000);
  gone_.request_stop();
  shards_.advance(1s);
}

}  // namespace
}  // namespace gregor
