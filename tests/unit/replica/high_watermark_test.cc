#include "broker/replica/high_watermark.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

constexpr BrokerId kSelf{1};
constexpr BrokerId kSecond{2};
constexpr BrokerId kThird{3};

TEST(HighWatermark, AloneInSyncItFollowsTheLogsEnd) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf}, Offset(5));
  EXPECT_EQ(mark.value(), Offset(5));
  EXPECT_TRUE(mark.on_log_end(kSelf, Offset(8)));
  EXPECT_EQ(mark.value(), Offset(8));
}

TEST(HighWatermark, RisesToTheSlowestInSyncReplica) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf, kSecond, kThird}, Offset(10));
  EXPECT_FALSE(mark.on_log_end(kSecond, Offset(7)));
  EXPECT_TRUE(mark.on_log_end(kThird, Offset(4)));
  EXPECT_EQ(mark.value(), Offset(4));
  EXPECT_FALSE(mark.on_log_end(kSecond, Offset(10)));
  EXPECT_TRUE(mark.on_log_end(kThird, Offset(9)));
  EXPECT_EQ(mark.value(), Offset(9));
}

TEST(HighWatermark, ReplicaOutOfSyncHoldsNothingBack) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf, kSecond}, Offset(10));
  mark.on_log_end(kSecond, Offset(3));
  mark.on_log_end(kThird, Offset(1));
  EXPECT_EQ(mark.value(), Offset(3));
}

TEST(HighWatermark, RisesWhenTheSlowestLeavesTheInSyncSet) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf, kSecond}, Offset(10));
  mark.on_log_end(kSecond, Offset(3));
  mark.set_in_sync({kSelf});
  EXPECT_EQ(mark.value(), Offset(10));
}

TEST(HighWatermark, NeverFallsWhileTheSameBrokerLeads) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf}, Offset(10));
  mark.set_in_sync({kSelf, kSecond});
  EXPECT_FALSE(mark.on_log_end(kSecond, Offset(4)));
  EXPECT_EQ(mark.value(), Offset(10));
}

TEST(HighWatermark, SilentReplicaOfANewTermKeepsTheCheckpointedValue) {
  HighWatermark mark(kSelf, Offset(6));
  mark.begin_leading({kSelf, kSecond}, Offset(10));
  EXPECT_EQ(mark.value(), Offset(6));
}

TEST(HighWatermark, IsCutToAShorterLogWhenLeadershipBegins) {
  HighWatermark mark(kSelf, Offset(6));
  mark.begin_leading({kSelf, kSecond}, Offset(5));
  EXPECT_EQ(mark.value(), Offset(5));
}

TEST(HighWatermark, ForgetsWhatReplicasReportedInAnEarlierTerm) {
  HighWatermark mark(kSelf, Offset(0));
  mark.begin_leading({kSelf, kSecond}, Offset(10));
  mark.on_log_end(kSecond, Offset(10));
  mark.on_log_end(kSelf, Offset(20));
  mark.begin_leading({kSelf, kSecond}, Offset(20));
  EXPECT_EQ(mark.value(), Offset(10));
}

}  // namespace
}  // namespace gregor
