#include "broker/replica/replication_waiters.h"

#include <gtest/gtest.h>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

class ReplicationWaitersTest : public ::testing::Test {
 protected:
  testing::Started<ErrorCode> wait_for(int64_t end, Duration timeout = 1s) {
    return shards_.start(waiters_.wait(Offset(end), timeout));
  }
  void reach(int64_t offset, ErrorCode outcome = ErrorCode::none) {
    shards_.call([&] { waiters_.on_reached(Offset(offset), outcome); });
  }

  testing::ManualShards shards_;
  ReplicationWaiters waiters_;
};

TEST_F(ReplicationWaitersTest, EndThoseWhoseOffsetIsReached) {
  auto first = wait_for(5);
  auto same = wait_for(5);
  auto later = wait_for(6);
  reach(4);
  EXPECT_FALSE(first.has_ended());
  reach(5);
  EXPECT_EQ(first.value(), ErrorCode::none);
  EXPECT_EQ(same.value(), ErrorCode::none);
  EXPECT_FALSE(later.has_ended());
  reach(100, ErrorCode::not_enough_replicas_after_append);
  EXPECT_EQ(later.value(), ErrorCode::not_enough_replicas_after_append);
  EXPECT_TRUE(waiters_.empty());
}

TEST_F(ReplicationWaitersTest, EndByTimeoutEachAtItsOwn) {
  auto patient = wait_for(5, 300ms);
  auto hasty = wait_for(9, 100ms);
  shards_.advance(100ms);
  EXPECT_EQ(hasty.value(), ErrorCode::request_timed_out);
  EXPECT_FALSE(patient.has_ended());
  shards_.advance(200ms);
  EXPECT_EQ(patient.value(), ErrorCode::request_timed_out);
  EXPECT_TRUE(waiters_.empty());
}

TEST_F(ReplicationWaitersTest, EndAllAtOnceWhenLeadershipIsLost) {
  auto one = wait_for(5);
  auto other = wait_for(7);
  shards_.call([&] { waiters_.end_all(ErrorCode::not_leader_or_follower); });
  EXPECT_EQ(one.value(), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(other.value(), ErrorCode::not_leader_or_follower);
  shards_.advance(1min);  // their timers are gone
}

}  // namespace
}  // namespace gregor
