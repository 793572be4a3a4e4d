// Directories and batches that no broker would write, but that a log may find all the same; mostly what fuzzing
// found.
#include <gmock/gmock.h>

#include <filesystem>

#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;

class StrangeFilesTest : public LogTest {
 protected:
  void put_batch(Offset segment, Offset base_offset, int records, LeaderEpoch epoch = LeaderEpoch(0)) {
    std::filesystem::create_directories(directory());
    write_all(file(segment, ".log"), as_string(batch_at(base_offset, records, epoch)));
  }
  Buffer batch_at(Offset base_offset, int records, LeaderEpoch epoch = LeaderEpoch(0)) {
    Buffer batch = batch_of(records);
    patch_base_offset(batch.span(), base_offset);
    patch_leader_epoch(batch.span(), epoch);
    return batch;
  }
  static std::string as_string(const Buffer& bytes) { return std::string(as_text(bytes.view())); }
};

TEST_F(StrangeFilesTest, FileNamedLikeASegmentButWithoutASuffixIsPassedOver) {
  put_batch(Offset(0), Offset(0), 3);
  write_all(directory() + "/00000000000000000007", "whatever");
  write_all(directory() + "/00000000000000000007x.log", "whatever");
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(log_->segment_count(), 1u);
}

// The leader epoch is not under the batch's checksum.
TEST_F(StrangeFilesTest, NegativeLeaderEpochOfAStoredBatchTellsNothing) {
  put_batch(Offset(0), Offset(0), 3, LeaderEpoch(-7));
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
}

TEST_F(StrangeFilesTest, NegativeLeaderEpochOfAReplicatedBatchTellsNothing) {
  open();
  append(2);
  ASSERT_TRUE(log_->append_as_follower(batch_at(Offset(2), 1, LeaderEpoch(INT32_MIN)).view()).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(0));
}

TEST_F(StrangeFilesTest, SegmentThatBeginsBeforeTheOneBeforeItEndsIsRemoved) {
  put_batch(Offset(0), Offset(0), 10);
  put_batch(Offset(4), Offset(4), 10);
  put_batch(Offset(14), Offset(14), 1);
  reopen_unclean();
  EXPECT_THAT(log_->segment_base_offsets(), ElementsAre(Offset(0)));
  EXPECT_EQ(log_->log_end_offset(), Offset(10));
  EXPECT_EQ(append(1).first_offset, Offset(10));
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0, 10));
}

TEST_F(StrangeFilesTest, BatchThatReachesBeyondTheGreatestOffsetIsCut) {
  Offset last(INT64_MAX);
  put_batch(last + (-2), last + (-2), 3);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), last + (-2)) << "its end would be no offset";
  put_batch(last + (-2), last + (-2), 9);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), last + (-2));
}

TEST_F(StrangeFilesTest, ReplicatedBatchThatReachesBeyondTheGreatestOffsetIsRefused) {
  open();
  auto refused = log_->append_as_follower(batch_at(Offset(INT64_MAX - 1), 2).view());
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().is(ErrorCode::offset_out_of_range)) << refused.error().message;
  EXPECT_EQ(log_->log_end_offset(), Offset(0));
}

}  // namespace
}  // namespace gregor
