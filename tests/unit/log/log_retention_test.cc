#include <set>

#include "log_fixture.h"

namespace gregor {
namespace {

constexpr int64_t kHour = 3600 * 1000;

/// Three segments of ten records each and an active one of five, whose records are one hour apart per segment.
class LogRetentionTest : public LogTest {
 protected:
  LogRetentionTest() {
    open();
    for (int64_t segment = 0; segment < 4; ++segment) {
      append(segment == 3 ? 5 : 10, 100, clock_.wall - (4 - segment) * kHour);
      if (segment == 3) break;
      auto rolled = log_->roll();
      EXPECT_TRUE(rolled.ok());
    }
  }
  size_t expire(LogRetention retention, int64_t high_watermark = 35) {
    auto removed = log_->apply_retention(retention, Offset(high_watermark));
    EXPECT_TRUE(removed.ok());
    return removed ? *removed : 0;
  }
  std::vector<int64_t> bases() const {
    std::vector<int64_t> offsets;
    for (Offset base : log_->segment_base_offsets()) offsets.push_back(base.value);
    return offsets;
  }
};

TEST_F(LogRetentionTest, KeepsEverythingWithoutABound) {
  EXPECT_EQ(expire({}), 0u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{0, 10, 20, 30}));
}

TEST_F(LogRetentionTest, RemovesSegmentsWhoseNewestRecordIsTooOld) {
  EXPECT_EQ(expire({.max_age_ms = 2 * kHour + kHour / 2}), 2u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{20, 30}));
  EXPECT_EQ(log_->log_start_offset(), Offset(20));
  EXPECT_TRUE(log_->read(Offset(19), Offset(35), 1000, true).error().is(ErrorCode::offset_out_of_range));
  std::vector<std::string> deleted = log_->take_deleted_files();
  EXPECT_EQ(std::count(deleted.begin(), deleted.end(), file(Offset(10), ".log.deleted")), 1);
  reopen_clean();
  EXPECT_EQ(log_->log_start_offset(), Offset(20));
}

TEST_F(LogRetentionTest, RollsTheActiveSegmentToo) {
  EXPECT_EQ(expire({.max_age_ms = kHour / 2}), 4u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{35}));
  EXPECT_EQ(log_->log_start_offset(), Offset(35));
  EXPECT_EQ(append(1).first_offset, Offset(35));
}

TEST_F(LogRetentionTest, LeavesWhatReplicasMayStillNeed) {
  EXPECT_EQ(expire({.max_age_ms = kHour / 2}, 15), 1u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{10, 20, 30}));
}

TEST_F(LogRetentionTest, RemovesOnlyAsMuchAsExceedsTheSize) {
  auto size = static_cast<int64_t>(log_->size_bytes());
  int64_t first = static_cast<int64_t>(std::filesystem::file_size(file(Offset(0), ".log")));
  EXPECT_EQ(expire({.max_size_bytes = size - first + 1}), 0u) << "a segment that is needed for the bound stays";
  EXPECT_EQ(expire({.max_size_bytes = size - first}), 1u);
  EXPECT_EQ(expire({.max_size_bytes = 0}), 3u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{35}));
}

TEST_F(LogRetentionTest, AnOldSegmentBehindAYoungOneStays) {
  append(1, 10, 1);
  EXPECT_EQ(expire({.max_age_ms = 3 * kHour + kHour / 2}, 36), 1u);
  EXPECT_EQ(bases(), (std::vector<int64_t>{10, 20, 30}));
}

TEST_F(LogRetentionTest, RecordsWithoutTimestampsAreAsOldAsTheirFile) {
  BatchBuilder builder;
  builder.add(kNoTimestamp, "key", "value");
  config_.segment_size_bytes = 100;
  log_ = nullptr;
  std::filesystem::remove_all(directory());
  open();
  ASSERT_TRUE(try_append(builder.build()).ok());
  auto modified = files().modified_ms(file(Offset(0), ".log"));
  ASSERT_TRUE(modified.ok());
  clock_.wall = *modified + kHour;
  EXPECT_EQ(expire({.max_age_ms = kHour}, 1), 0u);
  clock_.wall += 1;
  EXPECT_EQ(expire({.max_age_ms = kHour}, 1), 1u);
}

class PreallocationTest : public LogTest {
 protected:
  PreallocationTest() {
    config_.preallocate = true;
    config_.segment_size_bytes = 100'000;
    open();
    append(10);
  }
  uint64_t log_file_size(int64_t base) const { return std::filesystem::file_size(file(Offset(base), ".log")); }
};

TEST_F(PreallocationTest, ANewSegmentTakesItsRoomAtOnceAndGivesBackTheRest) {
  EXPECT_EQ(log_file_size(0), 100'000u);
  uint64_t used = log_->size_bytes();
  EXPECT_LT(used, 1000u);
  EXPECT_EQ(batches_from(Offset(0)), std::vector<int64_t>{0});
  ASSERT_TRUE(log_->roll().ok());
  EXPECT_EQ(log_file_size(0), used);
  append(1);
  EXPECT_EQ(log_file_size(10), 100'000u);
  reopen_clean();
  EXPECT_LT(log_file_size(10), 200u);
  EXPECT_EQ(log_->log_end_offset(), Offset(11));
  append(1);
  EXPECT_EQ(batches_from(Offset(10)), (std::vector<int64_t>{10, 11}));
}

TEST_F(PreallocationTest, ZerosBehindTheLastBatchAreNoRecords) {
  append(5);
  uint64_t used = log_->size_bytes();
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(15));
  EXPECT_EQ(log_->size_bytes(), used);
  EXPECT_EQ(log_file_size(0), used);
}

TEST_F(PreallocationTest, ATruncatedSegmentEndsWhereItsBatchesEnd) {
  append(5);
  ASSERT_TRUE(log_->truncate_to(Offset(10)).ok());
  append(2);
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
}

TEST(SegmentJitterTest, IsTakenOffTheAgeAtWhichSegmentsRoll) {
  TemporaryDirectory home;
  PosixFileSystem files;
  LogConfig config;
  config.segment_ms = 1000;
  config.segment_jitter_ms = 1000;
  std::set<int64_t> ages;
  for (int64_t base = 0; base < 20; ++base) {
    Segment segment(files, home.path(), config, Offset(base), 0);
    BatchBuilder builder;
    builder.add(kNoTimestamp, "key", "value");
    Buffer batch = builder.build();
    patch_base_offset(batch.span(), Offset(base));
    BatchRun run;
    run.add(*BatchView::probe(batch.view()));
    ASSERT_TRUE(segment.append(run).ok());
    for (int64_t age = 0; age <= 1001; ++age) {
      if (!*segment.should_roll(run, age)) continue;
      ages.insert(age);
      break;
    }
  }
  EXPECT_GT(ages.size(), 10u) << "segments roll at different ages";
  EXPECT_LE(*ages.rbegin(), 1001);
  EXPECT_GE(*ages.begin(), 1);
}

}  // namespace
}  // namespace gregor
