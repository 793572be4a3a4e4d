#include "broker/log/partition_log.h"

#include <gmock/gmock.h>

#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PartitionLogTest : public LogTest {};

TEST_F(PartitionLogTest, GivesBatchesTheOffsetsAtItsEnd) {
  open();
  EXPECT_EQ(log_->log_end_offset(), Offset(0));
  AppendInfo first = append(3);
  EXPECT_EQ(first.first_offset, Offset(0));
  EXPECT_EQ(first.last_offset, Offset(2));
  AppendInfo second = append(2);
  EXPECT_EQ(second.first_offset, Offset(3));
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0, 3));
}

TEST_F(PartitionLogTest, ReadsFromTheBatchThatHoldsTheOffset) {
  open();
  append(3), append(2), append(4);
  EXPECT_THAT(batches_from(Offset(4)), ElementsAre(3, 5));
  EXPECT_THAT(batches_from(Offset(8)), ElementsAre(5));
  EXPECT_THAT(batches_from(Offset(9)), IsEmpty());
}

TEST_F(PartitionLogTest, NeverReadsABatchThatReachesTheBound) {
  open();
  append(3), append(2), append(4);
  EXPECT_THAT(batches_from(Offset(0), Offset(5)), ElementsAre(0, 3));
  EXPECT_THAT(batches_from(Offset(0), Offset(4)), ElementsAre(0));
  EXPECT_THAT(batches_from(Offset(0), Offset(2)), IsEmpty());
  EXPECT_THAT(batches_from(Offset(6), Offset(5)), IsEmpty());
}

TEST_F(PartitionLogTest, RefusesOffsetsOutsideTheLog) {
  open();
  append(3);
  auto beyond = log_->read(Offset(4), Offset(10), 100, true);
  ASSERT_FALSE(beyond.ok());
  EXPECT_TRUE(beyond.error().is(ErrorCode::offset_out_of_range));
  EXPECT_TRUE(log_->read(Offset(-1), Offset(10), 100, true).error().is(ErrorCode::offset_out_of_range));
}

TEST_F(PartitionLogTest, LimitsTheBytesButGivesOneBatchWhenAsked) {
  open();
  uint64_t size = append(3).size_bytes;
  append(3);
  auto cut = log_->read(Offset(0), Offset(6), size - 1, false);
  EXPECT_EQ(cut->size_bytes, size - 1);
  EXPECT_TRUE(cut->is_first_batch_cut);
  EXPECT_EQ(log_->read(Offset(0), Offset(6), 1, true)->size_bytes, size);
  EXPECT_EQ(log_->read(Offset(0), Offset(6), size + 5, true)->size_bytes, size + 5);
  EXPECT_EQ(log_->read(Offset(0), Offset(6), 0, false)->size_bytes, 0u);
}

TEST_F(PartitionLogTest, RollsBySizeAndReadsOneSegmentAtATime) {
  config_.segment_size_bytes = 250;
  open();
  for (int i = 0; i < 5; ++i) append(1, 40);  // 61 + 50 bytes or so, two to a segment
  EXPECT_EQ(log_->segment_count(), 3u);
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0, 1));
  EXPECT_THAT(batches_from(Offset(2)), ElementsAre(2, 3));
  EXPECT_THAT(batches_from(Offset(1), Offset(3)), ElementsAre(1));
  EXPECT_TRUE(posix_.exists(file(Offset(4), ".log")));
}

TEST_F(PartitionLogTest, RefusesABatchLargerThanASegment) {
  config_.segment_size_bytes = 100;
  open();
  auto refused = try_append(batch_of(1, 200));
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().is(ErrorCode::record_list_too_large));
  EXPECT_EQ(log_->log_end_offset(), Offset(0));
}

TEST_F(PartitionLogTest, RollsWhenTheFirstRecordIsTooOld) {
  config_.segment_ms = 100;
  open();
  append(1, 10, 1000), append(1, 10, 1100);
  EXPECT_EQ(log_->segment_count(), 1u);
  append(1, 10, 1101);
  EXPECT_EQ(log_->segment_count(), 2u);
}

TEST_F(PartitionLogTest, RollsWhenAnIndexIsFull) {
  config_.index_size_max_bytes = 24;  // three offset entries, of two time entries one is kept free
  config_.index_interval_bytes = 0;
  open();
  for (int i = 0; i < 4; ++i) append(1, 10, 1000 + i);
  EXPECT_GT(log_->segment_count(), 1u);
}

TEST_F(PartitionLogTest, RollsWhenOffsetsAreTooFarFromTheBase) {
  open();
  append(1);
  Buffer far =
      BatchBuilder({.base_offset = Offset(1LL << 33), .leader_epoch = LeaderEpoch(0)}).add(1, "k", "v").build();
  ASSERT_TRUE(log_->append_as_follower(far.view()).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(log_->log_end_offset(), Offset((1LL << 33) + 1));
  EXPECT_THAT(batches_from(Offset(1)), ElementsAre(1LL << 33)) << "a gap is read over";
}

TEST_F(PartitionLogTest, FollowsTheLeadersOffsetsAndEpochs) {
  open();
  std::string batches;
  for (auto [offset, epoch] : {std::pair{0, 3}, {2, 3}, {7, 5}}) {
    Buffer batch = BatchBuilder({.base_offset = Offset(offset), .leader_epoch = LeaderEpoch(epoch)})
                       .add(1, "k", "v")
                       .add(2, "k", "v")
                       .build();
    batches += as_text(batch.view());
  }
  auto info = log_->append_as_follower(as_bytes(batches + batches.substr(0, 40)));
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->first_offset, Offset(0));
  EXPECT_EQ(info->last_offset, Offset(8));
  EXPECT_EQ(info->size_bytes, batches.size()) << "a batch that is cut off is left out";
  EXPECT_EQ(bytes_from(Offset(0)), batches);
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(3))->end_offset, Offset(7));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(5));

  EXPECT_TRUE(log_->append_as_follower(as_bytes(batches)).error().is(ErrorCode::offset_out_of_range));
  batches.back() ^= 1;
  EXPECT_TRUE(log_->append_as_follower(as_bytes(batches.substr(batches.size() * 2 / 3)))
                  .error()
                  .is(ErrorCode::corrupt_message));
}

TEST_F(PartitionLogTest, SpreadsAFollowersBatchesOverSegments) {
  config_.segment_size_bytes = 250;
  open();
  std::string batches;
  for (int i = 0; i < 7; ++i) {
    Buffer batch = BatchBuilder({.base_offset = Offset(i), .leader_epoch = LeaderEpoch(0)})
                       .add(1, "k", std::string(40, 'v'))
                       .build();
    batches += as_text(batch.view());
  }
  ASSERT_TRUE(log_->append_as_follower(as_bytes(batches)).ok());
  EXPECT_EQ(log_->segment_count(), 4u);
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
  EXPECT_THAT(batches_from(Offset(4)), ElementsAre(4, 5));
}

TEST_F(PartitionLogTest, FindsRecordsByTimestamp) {
  config_.segment_size_bytes = 2000;
  config_.index_interval_bytes = 100;
  open();
  for (int i = 0; i < 50; ++i) {
    Buffer batch = BatchBuilder({.codec = i % 2 ? Compression::gzip : Compression::none})
                       .add(1000 + i * 10, "k", std::string(50, 'v'))
                       .add(1005 + i * 10, "k", "w")
                       .build();
    ASSERT_TRUE(try_append(std::move(batch), 4).ok());
  }
  EXPECT_GT(log_->segment_count(), 2u);
  for (bool reopened : {false, true}) {
    if (reopened) reopen_clean();
    for (int i = 0; i < 100; ++i) {
      auto found = log_->offset_for_timestamp(1000 + i * 5);
      ASSERT_TRUE(found.ok() && *found) << i;
      EXPECT_EQ((*found)->offset, Offset(i));
      EXPECT_EQ((*found)->timestamp, 1000 + i * 5);
      EXPECT_EQ((*found)->leader_epoch, LeaderEpoch(4));
    }
    EXPECT_EQ((*log_->offset_for_timestamp(0))->offset, Offset(0));
    EXPECT_FALSE(*log_->offset_for_timestamp(1496));
    EXPECT_EQ((*log_->max_timestamp())->offset, Offset(99));
  }
}

TEST_F(PartitionLogTest, FindsTheGreatestTimestampAlsoWhenItIsNotTheLast) {
  open();
  append(1, 10, 500), append(1, 10, 900), append(1, 10, 700);
  EXPECT_EQ((*log_->max_timestamp())->offset, Offset(1));
  EXPECT_EQ((*log_->max_timestamp())->timestamp, 900);
}

TEST_F(PartitionLogTest, TruncatesAtABatchAndAppendsAgain) {
  config_.segment_size_bytes = 250;
  open();
  for (int i = 0; i < 6; ++i) append(1, 40, 1000, i / 2);
  ASSERT_TRUE(log_->truncate_to(Offset(3)).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(1));
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(append(1, 40, 1000, 7).first_offset, Offset(3));
  EXPECT_THAT(batches_from(Offset(2)), ElementsAre(2, 3));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(1))->end_offset, Offset(3));
  for (const std::string& path : log_->take_deleted_files()) EXPECT_TRUE(path.ends_with(".deleted")) << path;
}

TEST_F(PartitionLogTest, TruncatesAWholeBatchWhenTheOffsetLiesWithinIt) {
  open();
  append(3), append(3);
  ASSERT_TRUE(log_->truncate_to(Offset(4)).ok());
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
}

TEST_F(PartitionLogTest, BeginsAnewElsewhere) {
  open();
  append(3);
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(100)).ok());
  EXPECT_EQ(log_->log_start_offset(), Offset(100));
  EXPECT_EQ(append(1).first_offset, Offset(100));
  reopen_clean();
  EXPECT_EQ(log_->log_start_offset(), Offset(100));
  EXPECT_EQ(log_->log_end_offset(), Offset(101));
}

TEST_F(PartitionLogTest, RaisesItsStartAndDropsSegmentsBeforeIt) {
  config_.segment_size_bytes = 250;
  open();
  for (int i = 0; i < 6; ++i) append(1, 40);
  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(3)));
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_TRUE(log_->read(Offset(2), Offset(6), 100, true).error().is(ErrorCode::offset_out_of_range));
  EXPECT_FALSE(*log_->advance_log_start_offset(Offset(1)));
  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(6)));
  EXPECT_EQ(log_->size_bytes(), 0u);
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(6));
}

TEST_F(PartitionLogTest, CanBeReadWhileItIsDeleted) {
  open();
  append(3);
  auto found = log_->read(Offset(0), Offset(3), 1000, true);
  ASSERT_TRUE(log_->retire(directory() + ".gone").ok());
  EXPECT_TRUE(try_append(batch_of(1)).error().is(ErrorCode::kafka_storage_error));
  ASSERT_TRUE(posix_.remove_all(directory() + ".gone").ok());
  std::vector<uint8_t> bytes(found->size_bytes);
  EXPECT_EQ(*found->slices[0].file->read_at(0, bytes), found->size_bytes);
  EXPECT_TRUE(BatchView::probe(bytes)->is_intact());
}

TEST_F(PartitionLogTest, RaisesTheRecoveryPointOnlyWhenFlushed) {
  open();
  append(3);
  auto job = log_->prepare_flush();
  ASSERT_TRUE(job.ok());
  append(2);
  EXPECT_EQ(log_->recovery_point(), Offset(0));
  ASSERT_TRUE(job->run().ok());
  log_->mark_flushed(*job);
  EXPECT_EQ(log_->recovery_point(), Offset(3));
}

TEST_F(PartitionLogTest, KeepsItsTopicId) {
  open();
  EXPECT_FALSE(log_->topic_id());
  Uuid id = *Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  ASSERT_TRUE(log_->set_topic_id(id).ok());
  EXPECT_EQ(read_all(directory() + "/partition.metadata"), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n");
  reopen_clean();
  EXPECT_EQ(log_->topic_id(), id);
}

TEST_F(PartitionLogTest, HoldsNoDescriptorUntilItIsUsed) {
  open();
  append(3);
  reopen_clean();
  auto is_open = [&] {
    for (auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone).string().starts_with(directory())) return true;
    }
    return false;
  };
  EXPECT_FALSE(is_open());
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0));
  EXPECT_TRUE(is_open());
  log_->release_file();
  EXPECT_FALSE(is_open());
  EXPECT_EQ(append(1).first_offset, Offset(3));
}

TEST_F(PartitionLogTest, CostsLittleWhileItIsEmpty) {
  std::vector<std::unique_ptr<PartitionLog>> logs;
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000; ++i) {
    auto opened = PartitionLog::open(posix_, clock_, home_.path() + "/t-" + std::to_string(i), {"t", i}, config_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;  // would fail at 1024 descriptors
    logs.push_back(std::move(*opened));
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds_for_2000", std::to_string(took.count()));
  size_t descriptors = 0;
  for (auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) descriptors += entry.exists() ? 1 : 0;
  EXPECT_LT(descriptors, 100u);
}

}  // namespace
}  // namespace gregor
