#include <gmock/gmock.h>

#include <algorithm>

#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;

class LogRecoveryTest : public LogTest {
 protected:
  void fill(int batches) {
    open();
    for (int i = 0; i < batches; ++i) append(2, 40, 1000 + i, i / 2);
  }
};

TEST_F(LogRecoveryTest, ReopensAsItWasClosed) {
  config_.segment_size_bytes = 400;
  config_.index_interval_bytes = 100;
  fill(9);
  std::string before = bytes_from(Offset(0));
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(18));
  EXPECT_EQ(log_->recovery_point(), Offset(18));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(4));
  EXPECT_EQ(bytes_from(Offset(0)), before);
  EXPECT_EQ(append(1).first_offset, Offset(18));
}

TEST_F(LogRecoveryTest, LosesNothingThatWasWrittenWhenKilled) {
  config_.segment_size_bytes = 400;
  fill(9);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(18));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(0))->end_offset, Offset(4));
  EXPECT_EQ((*log_->max_timestamp())->timestamp, 1009);
}

TEST_F(LogRecoveryTest, CutsATornTailAtEveryByteOfTheLastBatch) {
  fill(3);
  std::string whole = read_all(file(Offset(0), ".log"));
  size_t last = whole.size() / 3 * 2;
  for (size_t size = last; size < whole.size(); ++size) {
    log_.reset();
    write_all(file(Offset(0), ".log"), whole.substr(0, size));
    reopen_unclean();
    ASSERT_EQ(log_->log_end_offset(), Offset(4)) << size;
    ASSERT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), last);
  }
  EXPECT_EQ(append(1).first_offset, Offset(4));
}

TEST_F(LogRecoveryTest, CutsGarbageBehindTheLastBatch) {
  for (const std::string& garbage : {std::string(100, '\0'), std::string(5, '\xff'), std::string(5000, 'x')}) {
    fill(3);
    std::string whole = read_all(file(Offset(0), ".log"));
    log_.reset();
    write_all(file(Offset(0), ".log"), whole + garbage);
    reopen_unclean();
    EXPECT_EQ(log_->log_end_offset(), Offset(6));
    EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), whole.size());
    log_.reset();
    std::filesystem::remove_all(directory());
  }
}

TEST_F(LogRecoveryTest, CutsABatchWhoseOffsetsDoNotRise) {
  fill(2);
  std::string whole = read_all(file(Offset(0), ".log"));
  log_.reset();
  write_all(file(Offset(0), ".log"), whole + whole);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(4));
}

TEST_F(LogRecoveryTest, RemovesSegmentsBehindADamagedOne) {
  config_.segment_size_bytes = 400;
  fill(9);
  ASSERT_GT(log_->segment_count(), 3u);
  std::string second = file(Offset(4), ".log");
  ASSERT_TRUE(std::filesystem::exists(second));
  log_.reset();
  std::string bytes = read_all(second);
  bytes[100] ^= 1;
  write_all(second, bytes);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(4));
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_FALSE(std::filesystem::exists(file(Offset(8), ".log")));
}

TEST_F(LogRecoveryTest, DoesNotReadWhatLiesBelowTheRecoveryPoint) {
  config_.segment_size_bytes = 400;
  fill(9);
  log_.reset();
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes[100] ^= 1;
  write_all(file(Offset(0), ".log"), bytes);
  reopen_unclean(Offset(18));
  EXPECT_EQ(log_->log_end_offset(), Offset(18));
}

TEST_F(LogRecoveryTest, RebuildsIndexesThatAreMissingOrDamaged) {
  config_.index_interval_bytes = 150;
  config_.segment_size_bytes = 2000;
  fill(40);
  reopen_clean();
  ASSERT_TRUE(log_->close().ok());
  std::string index = read_all(file(Offset(0), ".index"));
  std::string time_index = read_all(file(Offset(0), ".timeindex"));
  ASSERT_GT(index.size(), 40u);
  for (const std::string suffix : {".index", ".timeindex"}) {
    const std::string& good = suffix == ".index" ? index : time_index;
    for (const std::string& bad : {good.substr(0, good.size() - 3), std::string(good.size(), '\0'),
                                   good.substr(0, good.size() - 4) + "\x7f\xff\xff\xff", std::string("missing")}) {
      log_.reset();
      write_all(file(Offset(0), suffix), bad);
      if (bad == "missing") std::filesystem::remove(file(Offset(0), suffix));
      open({.clean_shutdown = true});
      EXPECT_EQ(log_->log_end_offset(), Offset(80));
      for (int64_t offset = 0; offset < 80; offset += 3) {
        EXPECT_EQ(batches_from(Offset(offset), Offset(80), 1).front(), offset / 2 * 2);
        EXPECT_EQ((*log_->offset_for_timestamp(1000 + offset / 2))->offset,
                  Offset(std::max<int64_t>(offset / 2 * 2 - 1, 0)));
      }
    }
  }
  ASSERT_TRUE(log_->close().ok());
  EXPECT_EQ(read_all(file(Offset(0), ".index")), index);
  EXPECT_EQ(read_all(file(Offset(0), ".timeindex")), time_index);
}

TEST_F(LogRecoveryTest, IndexesThatAreNotThoseOfTheBatchesAreReplaced) {
  config_.index_interval_bytes = 150;
  fill(40);
  ASSERT_TRUE(log_->close().ok());
  for (const std::string suffix : {".index", ".timeindex"}) {
    std::string good = read_all(file(Offset(0), suffix));
    ASSERT_GT(good.size(), 40u);
    std::string other = good;
    other[good.size() / 2] ^= 1;
    for (const std::string& bad :
         {good.substr(0, good.size() / 2), good + good, other, good + std::string(4096, '\0'), std::string()}) {
      log_.reset();
      write_all(file(Offset(0), suffix), bad);
      reopen_unclean();
      EXPECT_TRUE(read_all(file(Offset(0), suffix)) == good) << suffix << " of " << bad.size();
      EXPECT_EQ(batches_from(Offset(66), Offset(80), 1).front(), 66);
      EXPECT_EQ((*log_->offset_for_timestamp(1033))->offset, Offset(65));
    }
  }
}

TEST_F(LogRecoveryTest, FilesThatAreRightAreLeftAlone) {
  config_.index_interval_bytes = 150;
  config_.segment_size_bytes = 800;
  fill(12);
  ASSERT_TRUE(log_->close().ok());
  auto then = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    std::filesystem::last_write_time(entry, then);
    ++count;
  }
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(24));
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    EXPECT_EQ(std::filesystem::last_write_time(entry), then) << entry.path();
    --count;
  }
  EXPECT_EQ(count, 0u);
}

TEST_F(LogRecoveryTest, RemovesLeftoversAndIndexesWithoutALog) {
  fill(2);
  log_.reset();
  for (const char* name : {"00000000000000000000.log.deleted", "00000000000000000000.log.cleaned",
                           "00000000000000000077.index", "00000000000000000077.timeindex"}) {
    write_all(directory() + "/" + name, "x");
  }
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(4));
  for (const char* name : {"00000000000000000000.log.deleted", "00000000000000000000.log.cleaned",
                           "00000000000000000077.index", "00000000000000000077.timeindex"}) {
    EXPECT_FALSE(std::filesystem::exists(directory() + "/" + name)) << name;
  }
}

TEST_F(LogRecoveryTest, FilesThatOnlyResembleASegmentsAreNeitherReadNorTouched) {
  config_.segment_size_bytes = 400;
  fill(4);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  std::string first = read_all(file(Offset(0), ".log"));
  std::vector<std::string> strays{"00000000000000000000-copy.log",     "00000000000000000000",
                                  "00000000000000000000.log.bak",      "00000000000000000000.log.deleted.deleted",
                                  "00000000000000000002.logs",         "000000000000000000000.log",
                                  "0000000000000000000.log",           "99999999999999999999.log",
                                  "00000000000000000004x.index",       "00000000000000000000-copy.log.deleted",
                                  "00000000000000000000-copy.log.swap"};
  for (const std::string& name : strays) write_all(directory() + "/" + name, first);
  for (bool is_clean : {true, false}) {
    open({.clean_shutdown = is_clean});
    EXPECT_EQ(log_->segment_base_offsets(), (std::vector{Offset(0), Offset(4)}));
    EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0, 2));
    log_.reset();
  }
  open();
  ASSERT_EQ(*log_->apply_retention({.max_age_ms = -1, .max_size_bytes = 0}, Offset(8)), 2u);
  for (const std::string& name : strays) EXPECT_EQ(read_all(directory() + "/" + name), first) << name;
  for (const std::string& deleted : log_->take_deleted_files()) {
    EXPECT_EQ(deleted.find("copy"), std::string::npos) << deleted;
  }
}

TEST_F(LogRecoveryTest, FinishesACompactionThatHadItsOutput) {
  config_.segment_size_bytes = 400;
  fill(6);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  std::string first = read_all(file(Offset(0), ".log"));
  std::string second = read_all(file(Offset(4), ".log"));
  write_all(file(Offset(0), ".log.swap"), first.substr(0, first.size() / 2) + second);
  open({.clean_shutdown = true});
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0, 4, 6));
  EXPECT_FALSE(std::filesystem::exists(file(Offset(4), ".log")));
}

TEST_F(LogRecoveryTest, RebuildingAnEarlyIndexLeavesTheEpochsAlone) {
  config_.segment_size_bytes = 800;
  fill(12);
  ASSERT_GE(log_->segment_count(), 3u);
  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(3)));
  std::vector<Offset> ends;
  for (int epoch = 0; epoch < 6; ++epoch) {
    ends.push_back(log_->end_offset_for_epoch(LeaderEpoch(epoch))->end_offset);
  }
  ASSERT_THAT(ends, ElementsAre(Offset(4), Offset(8), Offset(12), Offset(16), Offset(20), Offset(24)));
  ASSERT_TRUE(log_->close().ok());
  std::string checkpoint = read_all(directory() + "/leader-epoch-checkpoint");
  for (OpenOptions options : {OpenOptions{.clean_shutdown = true, .log_start_offset = Offset(3)},
                              OpenOptions{.recovery_point = Offset(24), .log_start_offset = Offset(3)}}) {
    log_.reset();
    std::filesystem::remove(file(Offset(0), ".index"));
    open(options);
    ASSERT_TRUE(std::filesystem::exists(file(Offset(0), ".index")));
    EXPECT_EQ(log_->log_start_offset(), Offset(3));
    for (int epoch = 0; epoch < 6; ++epoch) {
      auto end = log_->end_offset_for_epoch(LeaderEpoch(epoch));
      ASSERT_TRUE(end.has_value()) << epoch;
      EXPECT_EQ(end->end_offset, ends[static_cast<size_t>(epoch)]) << epoch;
      EXPECT_EQ(end->epoch, LeaderEpoch(epoch));
    }
    EXPECT_EQ(read_all(directory() + "/leader-epoch-checkpoint"), checkpoint);
  }
}

TEST_F(LogRecoveryTest, EpochsOfBatchesBeforeTheLogsStartAreNotLearned) {
  fill(6);
  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(5)));
  ASSERT_TRUE(log_->close().ok());
  open({.log_start_offset = Offset(5)});
  EXPECT_EQ(log_->epoch_of(Offset(5)), LeaderEpoch(1));
  EXPECT_EQ(log_->epoch_of(Offset(4)), std::nullopt);
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(1))->end_offset, Offset(8));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(2));
}

TEST_F(LogRecoveryTest, AnEpochThatCanNotBeIsNone) {
  fill(2);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes.replace(batch_layout::kLeaderEpoch, 4, "\x80\0\0\1", 4);  // outside the checksum
  write_all(file(Offset(0), ".log"), bytes);
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(4));
  Buffer batch = batch_of(1);
  patch_base_offset(batch.span(), Offset(4));
  patch_leader_epoch(batch.span(), LeaderEpoch(-9));
  EXPECT_TRUE(log_->append_as_follower(batch.view()).ok());
}

// What Kafka's LogLoader does with each mixture of what an interrupted compaction may leave.

TEST_F(LogRecoveryTest, DropsOutputAtOrBehindAFileThatWasNotFinished) {
  config_.segment_size_bytes = 400;
  fill(6);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  for (const char* name : {"00000000000000000004.log.cleaned", "00000000000000000004.log.swap",
                           "00000000000000000004.index.swap", "00000000000000000008.log.swap"}) {
    write_all(directory() + "/" + name, "output that must not be read");
  }
  open({.clean_shutdown = true});
  EXPECT_EQ(log_->segment_base_offsets(), (std::vector{Offset(0), Offset(4), Offset(8)}));
  EXPECT_THAT(batches_from(Offset(4)), ElementsAre(4, 6));
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    EXPECT_NE(entry.path().extension(), ".swap");
    EXPECT_NE(entry.path().extension(), ".cleaned");
  }
}

TEST_F(LogRecoveryTest, FinishesOutputThatLiesBeforeAFileThatWasNotFinished) {
  config_.segment_size_bytes = 400;
  fill(6);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  std::string first = read_all(file(Offset(0), ".log"));
  write_all(file(Offset(0), ".log.swap"), first.substr(0, first.size() / 2));
  write_all(file(Offset(8), ".log.cleaned"), "unfinished");
  // The original may be gone already: then the output is all that there is.
  std::filesystem::remove(file(Offset(0), ".log"));
  open({.clean_shutdown = true});
  EXPECT_EQ(log_->segment_base_offsets(), (std::vector{Offset(0), Offset(4), Offset(8)}));
  EXPECT_THAT(batches_from(Offset(0)), ElementsAre(0));
  EXPECT_THAT(batches_from(Offset(8)), ElementsAre(8, 10));
}

TEST_F(LogRecoveryTest, AnIndexThatWasLeftToBeSwappedBelongsToTheLogThatWas) {
  config_.segment_size_bytes = 2000;
  config_.index_interval_bytes = 150;
  fill(40);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  std::string index = read_all(file(Offset(0), ".index"));
  std::string time_index = read_all(file(Offset(0), ".timeindex"));
  ASSERT_GT(index.size(), 40u);
  std::filesystem::rename(file(Offset(0), ".index"), file(Offset(0), ".index.swap"));
  std::filesystem::rename(file(Offset(0), ".timeindex"), file(Offset(0), ".timeindex.swap"));
  // Were the indexes made anew from the batches, this damage would end the segment.
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes[100] ^= 1;
  write_all(file(Offset(0), ".log"), bytes);
  open({.clean_shutdown = true});
  EXPECT_EQ(read_all(file(Offset(0), ".index")), index);
  EXPECT_EQ(read_all(file(Offset(0), ".timeindex")), time_index);
  EXPECT_FALSE(std::filesystem::exists(file(Offset(0), ".index.swap")));
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), bytes.size());
  EXPECT_EQ(log_->log_end_offset(), Offset(80));
}

TEST_F(LogRecoveryTest, ReadsTheWholeLogWhenTheEpochsAreDamaged) {
  fill(6);
  log_.reset();
  write_all(directory() + "/leader-epoch-checkpoint", "");
  reopen_unclean(Offset(12));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(1))->end_offset, Offset(8));
}

TEST_F(LogRecoveryTest, BeginsWhereTheCheckpointSaysWhenAllSegmentsEndBefore) {
  fill(2);
  log_.reset();
  open({.log_start_offset = Offset(50)});
  EXPECT_EQ(log_->log_end_offset(), Offset(50));
  EXPECT_EQ(append(1).first_offset, Offset(50));
}

}  // namespace
}  // namespace gregor
