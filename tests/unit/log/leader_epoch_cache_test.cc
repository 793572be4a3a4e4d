#include "broker/log/leader_epoch_cache.h"

#include "log_fixture.h"

namespace gregor {
namespace {

class LeaderEpochCacheTest : public testing::Test {
 protected:
  std::string text() {
    EXPECT_TRUE(cache_.save().ok());
    return read_all(home_.path() + "/leader-epoch-checkpoint");
  }
  std::pair<int32_t, int64_t> end_of(int32_t epoch, int64_t log_end) {
    auto end = cache_.end_offset_for(LeaderEpoch(epoch), Offset(log_end));
    return end ? std::pair(end->epoch.value, end->end_offset.value) : std::pair(-1, int64_t{-1});
  }

  TemporaryDirectory home_;
  PosixFileSystem files_;
  LeaderEpochCache cache_{files_, home_.path()};
};

TEST_F(LeaderEpochCacheTest, KeepsWhereEachEpochBegan) {
  cache_.assign(LeaderEpoch(2), Offset(0));
  cache_.assign(LeaderEpoch(2), Offset(5));
  cache_.assign(LeaderEpoch(4), Offset(9));
  EXPECT_EQ(text(), "0\n2\n2 0\n4 9\n");
  LeaderEpochCache reread(files_, home_.path());
  ASSERT_TRUE(reread.load().ok());
  EXPECT_EQ(reread.latest(), LeaderEpoch(4));
  EXPECT_EQ(reread.epoch_of(Offset(8)), LeaderEpoch(2));
}

TEST_F(LeaderEpochCacheTest, AnswersEndOffsetsAsKip101Asks) {
  EXPECT_EQ(end_of(3, 20), std::pair(-1, int64_t{-1}));
  cache_.assign(LeaderEpoch(2), Offset(4));
  cache_.assign(LeaderEpoch(4), Offset(9));
  cache_.assign(LeaderEpoch(7), Offset(12));
  EXPECT_EQ(end_of(7, 20), std::pair(7, int64_t{20})) << "the latest ends with the log";
  EXPECT_EQ(end_of(2, 20), std::pair(2, int64_t{9}));
  EXPECT_EQ(end_of(5, 20), std::pair(4, int64_t{12})) << "an unknown one between known ones";
  EXPECT_EQ(end_of(1, 20), std::pair(1, int64_t{4})) << "one before all known";
  EXPECT_EQ(end_of(8, 20), std::pair(-1, int64_t{-1})) << "one after all known";
  EXPECT_EQ(end_of(-1, 20), std::pair(-1, int64_t{-1}));
}

TEST_F(LeaderEpochCacheTest, DropsEntriesThatContradictANewOne) {
  cache_.assign(LeaderEpoch(2), Offset(4));
  cache_.assign(LeaderEpoch(4), Offset(9));
  cache_.assign(LeaderEpoch(5), Offset(7));
  EXPECT_EQ(text(), "0\n2\n2 4\n5 7\n");
  cache_.assign(LeaderEpoch(3), Offset(20));
  EXPECT_EQ(text(), "0\n2\n2 4\n3 20\n");
}

TEST_F(LeaderEpochCacheTest, IsCutAtBothEnds) {
  for (auto [epoch, offset] : {std::pair{1, 0}, {2, 10}, {3, 20}})
    cache_.assign(LeaderEpoch(epoch), Offset(offset));
  cache_.truncate_from_start(Offset(15));
  EXPECT_EQ(text(), "0\n2\n2 15\n3 20\n");
  cache_.truncate_from_end(Offset(20));
  EXPECT_EQ(text(), "0\n1\n2 15\n");
  cache_.truncate_from_end(Offset(15));
  EXPECT_EQ(text(), "0\n0\n");
}

TEST_F(LeaderEpochCacheTest, NamesAMalformedFile) {
  write_all(home_.path() + "/leader-epoch-checkpoint", "0\n1\n2\n");
  EXPECT_FALSE(cache_.load().ok());
}

}  // namespace
}  // namespace gregor
