// Logs on a disk that loses its power, or whose process ends half way: what the property tests found.
#include <gmock/gmock.h>

#include "broker/log/log_directory.h"
#include "producer_fixture.h"
#include "tests/support/memory_file_system.h"

namespace gregor {
namespace {

using ::testing::ElementsAre;

class LogPowerLossTest : public LogTest {
 protected:
  LogPowerLossTest() { disk_.put(home_.path() + "/keep", {}); }
  FileSystem& files() override { return disk_; }

  void flush() {
    auto job = log_->prepare_flush();
    ASSERT_TRUE(job.ok()) << job.error().message;
    auto run = job->run();
    ASSERT_TRUE(run.ok()) << run.error().message;
    log_->mark_flushed(*job);
  }
  void close() {
    ASSERT_TRUE(log_->close().ok());
    // What a broker does once for all logs that it closed.
    ASSERT_TRUE(disk_.sync_directory(home_.path()).ok());
  }
  void lose_everything_unsynced() {
    log_.reset();
    disk_.lose_everything_unsynced();
  }
  void end_process() {
    log_.reset();
    disk_.end_process();
  }
  void append_one_each(int count) {
    for (int i = 0; i < count; ++i) append(1, 10, 1000 + i);
  }
  void roll() { ASSERT_TRUE(log_->roll().ok()); }
  void append_of(const Sent& sent, AppendRules rules = {}) {
    Buffer batch = gregor::batch_of(sent);
    ASSERT_TRUE(log_->append_as_leader(trusted_batch(batch.span()), LeaderEpoch(0), rules).ok());
  }
  void append_of(const Marker& marker) {
    Buffer batch = gregor::batch_of(marker);
    ASSERT_TRUE(log_->append_as_leader(trusted_batch(batch.span()), LeaderEpoch(0), from_coordinator()).ok());
  }
  size_t count_aborted() {
    auto found = log_->read(Offset(0), log_->log_end_offset(), 1 << 20, true);
    EXPECT_TRUE(found.ok());
    auto aborted = log_->aborted_transactions(Offset(0), *found);
    EXPECT_TRUE(aborted.ok());
    return aborted->size();
  }
  std::vector<int64_t> segments() {
    std::vector<int64_t> begins;
    for (Offset begin : log_->segment_base_offsets()) begins.push_back(begin.value);
    return begins;
  }
  /// Cuts a segment's file, durably, as if the rest had never reached the disk.
  void cut_file(Offset base_offset, uint64_t size) {
    std::vector<uint8_t> bytes = disk_.content(file(base_offset, ".log"));
    bytes.resize(size);
    disk_.put(file(base_offset, ".log"), bytes);
  }

  testing::MemoryFileSystem disk_;
};

TEST_F(LogPowerLossTest, ALogThatWasClosedWithItsWholeFileSystemKeepsEverything) {
  open();
  append_one_each(3);
  roll();
  append_one_each(2);
  auto has_more = log_->begin_close();
  ASSERT_TRUE(has_more.ok() && *has_more);
  ASSERT_TRUE(disk_.sync_all(home_.path()).ok());
  log_->end_close();
  EXPECT_EQ(log_->recovery_point(), Offset(5));
  lose_everything_unsynced();
  open({.clean_shutdown = true});
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
  EXPECT_THAT(segments(), ElementsAre(0, 3));
}

class LogHoleTest : public LogPowerLossTest {
 protected:
  /// Segments at 0, 3 and 6; of the first the last batch is missing, cleanly.
  void make_hole() {
    open();
    append_one_each(3);
    uint64_t size = disk_.content(file(Offset(0), ".log")).size();
    roll();
    append_one_each(3);
    roll();
    append_one_each(1);
    end_process();
    cut_file(Offset(0), size / 3 * 2);
  }
};

TEST_F(LogHoleTest, EndsTheLog) {
  make_hole();
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(2));
  EXPECT_THAT(segments(), ElementsAre(0));
  EXPECT_EQ(append(1).first_offset, Offset(2));
}

TEST_F(LogHoleTest, IsWhatCompactionLeft) {
  make_hole();
  config_.is_compacted = true;
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
}

TEST_F(LogHoleTest, StaysWhereTheCheckpointVouchesForIt) {
  make_hole();
  reopen_unclean(Offset(3));
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
}

TEST_F(LogHoleTest, StaysWhereNoCheckpointSaysHowFarTheDiskHadEverything) {
  make_hole();
  open({.knows_recovery_point = false});
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
}

TEST_F(LogHoleTest, IsNoneWhereAFollowerSkippedOffsets) {
  config_.segment_size_bytes = 150;
  open();
  Buffer first = gregor::batch_of(Sent{}, Offset(0));
  Buffer second = gregor::batch_of(Sent{.sequence = 1, .count = 3}, Offset(10));
  ASSERT_TRUE(log_->append_as_follower(first.view()).ok());
  ASSERT_TRUE(log_->append_as_follower(second.view()).ok());
  EXPECT_THAT(segments(), ElementsAre(0, 1)) << "a segment begins where the one before it ends";
  end_process();
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(13));
}

TEST_F(LogPowerLossTest, WhatWasCutOffDoesNotComeBackBeforeWhatFollowed) {
  open();
  append_one_each(4);
  flush();
  ASSERT_TRUE(log_->truncate_to(Offset(2)).ok());
  append(1, 30);
  append(1, 30);
  roll();
  append(1, 30);
  lose_everything_unsynced();
  reopen_unclean();
  ASSERT_LE(log_->log_end_offset(), Offset(4));
  EXPECT_NE(bytes_from(Offset(2)).find(std::string(30, 'v')), std::string::npos) << "the new records, not the old";
}

TEST_F(LogPowerLossTest, WhatAnEndedProcessCutOffDoesNotComeBackAfterACleanStop) {
  for (bool is_everything : {true, false}) {
    open();
    append_one_each(2);
    roll();
    append_one_each(3);
    flush();
    ASSERT_TRUE(log_->truncate_to(Offset(is_everything ? 0 : 2)).ok());
    end_process();
    reopen_unclean(Offset(5));
    close();
    lose_everything_unsynced();
    open({.clean_shutdown = true});
    EXPECT_EQ(log_->log_end_offset(), Offset(is_everything ? 0 : 2));
    log_.reset();
    ASSERT_TRUE(disk_.remove_all(directory()).ok());
  }
}

TEST_F(LogPowerLossTest, AnInterruptedTruncationLeavesNoHole) {
  for (uint64_t change = 0;; ++change) {
    open();
    for (int i = 0; i < 4; ++i) {
      append(1);
      roll();
    }
    disk_.stop_after(change);
    bool is_done = log_->truncate_to(Offset(1)).ok();
    end_process();
    reopen_unclean();
    std::vector<int64_t> begins = segments();
    for (size_t i = 0; i < begins.size(); ++i) EXPECT_EQ(begins[i], static_cast<int64_t>(i)) << "change " << change;
    log_.reset();
    ASSERT_TRUE(disk_.remove_all(directory()).ok());
    if (is_done) break;
  }
}

TEST_F(LogPowerLossTest, AnOldCheckpointDoesNotVouchForWhatWasAppendedAfterATruncation) {
  open();
  append_one_each(9);
  flush();
  ASSERT_TRUE(log_->truncate_to(Offset(1)).ok());
  append_one_each(3);
  roll();
  append_one_each(3);
  lose_everything_unsynced();
  reopen_unclean(Offset(9));
  // The first segment lies below the checkpoint and is not read: it has to be whole.
  int64_t next = 0;
  for (int64_t begin : segments()) {
    EXPECT_EQ(begin, next);
    for (int64_t offset : batches_from(Offset(begin))) next = offset + 1;
  }
  EXPECT_GE(next, 4);
}

TEST_F(LogPowerLossTest, AnInterruptedRebuildOfIndexesIsBegunAnew) {
  config_.index_interval_bytes = 1;
  open();
  for (int i = 0; i < 6; ++i) append(1, 10, 1000 + i);
  append_of(Sent{.is_transactional = true, .timestamp = 2000});
  append_of(Marker{.outcome = Outcome::abort});
  roll();
  close();
  bool is_done = false;
  for (uint64_t change = 0; !is_done; ++change) {
    log_.reset();
    disk_.put(file(Offset(0), ".index"), as_bytes("damaged"));
    disk_.stop_after(change);
    is_done = PartitionLog::open(disk_, clock_, directory(), {"orders", 0}, config_, {.clean_shutdown = true}).ok();
    disk_.lose_power();
    open({.clean_shutdown = true});
    EXPECT_EQ((*log_->offset_for_timestamp(1003))->offset, Offset(3)) << "change " << change;
    EXPECT_EQ((*log_->max_timestamp())->timestamp, 2000) << "change " << change;
    EXPECT_EQ(count_aborted(), 1u) << "change " << change;
    ASSERT_TRUE(log_->close().ok());
  }
}

TEST_F(LogPowerLossTest, ASegmentThatIsRebuiltAsTheLastOneStaysTheLast) {
  config_.index_interval_bytes = 150;
  OpenOptions options{.recovery_point = Offset(5)};
  open();
  for (int i = 0; i < 4; ++i) append(1, 10, 1000 + i);
  roll();
  append(1, 10, 2000);
  flush();
  disk_.stop_after(1);
  ASSERT_FALSE(log_->truncate_to(Offset(1)).ok());
  end_process();
  ASSERT_FALSE(disk_.exists(file(Offset(4), ".log"))) << "the one change that was made";
  open(options);
  log_.reset();
  // Of the index that was made anew one entry reaches the disk.
  std::vector<uint8_t> times = disk_.content(file(Offset(0), ".timeindex"));
  times.resize(12);
  disk_.put(file(Offset(0), ".timeindex"), times);
  lose_everything_unsynced();
  open(options);
  for (int64_t offset = 0; offset < 4; ++offset) {
    auto found = log_->offset_for_timestamp(1000 + offset);
    ASSERT_TRUE(found.ok() && *found);
    EXPECT_EQ((*found)->offset, Offset(offset));
  }
}

TEST_F(LogPowerLossTest, ATimeIndexOfRecordsThatAreLostIsEmptied) {
  open();
  append(1, 10, 5000);
  roll();
  end_process();
  cut_file(Offset(0), 0);
  ASSERT_TRUE(disk_.remove(file(Offset(1), ".log")).ok());
  reopen_unclean();
  append(1, 10, 1000);
  EXPECT_EQ((*log_->max_timestamp())->timestamp, 1000);
}

TEST_F(LogPowerLossTest, ACleanStopKeepsTheNoteOfAnAbortedTransaction) {
  open();
  append(1);
  flush();
  append_of(Sent{.is_transactional = true});
  append_of(Marker{.outcome = Outcome::abort});
  close();
  lose_everything_unsynced();
  open({.clean_shutdown = true});
  EXPECT_EQ(count_aborted(), 1u);
}

TEST_F(LogPowerLossTest, ATruncatedTransactionIsNotAbortedAgain) {
  open();
  append(1);
  append_of(Sent{.is_transactional = true});
  append_of(Marker{.outcome = Outcome::abort});
  flush();
  ASSERT_TRUE(log_->truncate_to(Offset(1)).ok());
  append_one_each(3);
  close();
  lose_everything_unsynced();
  open({.clean_shutdown = true});
  EXPECT_EQ(count_aborted(), 0u);
}

TEST_F(LogPowerLossTest, ATransactionIndexOfRecordsThatAreLostIsEmptied) {
  open();
  append_of(Sent{.is_transactional = true});
  append_of(Marker{.outcome = Outcome::abort});
  end_process();
  cut_file(Offset(0), 0);
  disk_.put(file(Offset(0), ".timeindex"), {});
  reopen_unclean();
  append_one_each(2);
  EXPECT_EQ(count_aborted(), 0u);
}

TEST_F(LogPowerLossTest, AnIndexHoldsNothingOfWhatAFullDiskTookInPart) {
  config_.index_interval_bytes = 1;
  open();
  append_one_each(9);
  auto space = disk_.space("/");
  disk_.set_capacity(space->total - space->available + 5 * 8);
  EXPECT_FALSE(log_->prepare_flush().ok());
  disk_.set_capacity(UINT64_MAX);
  ASSERT_TRUE(log_->truncate_to(Offset(2)).ok());
  append(1, 60);
  close();
  log_.reset();
  open({.clean_shutdown = true});
  EXPECT_EQ(disk_.content(file(Offset(0), ".index")).size(), 8u);
  EXPECT_THAT(batches_from(Offset(2)), ElementsAre(2));
}

TEST_F(LogPowerLossTest, ADirectoryThatAnEndedProcessMadeIsMadeDurable) {
  open();
  end_process();
  reopen_unclean();
  append(1);
  flush();
  lose_everything_unsynced();
  reopen_unclean(Offset(1));
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
}

TEST_F(LogPowerLossTest, ATornEpochFileIsNotTakenForAWholeOne) {
  open();
  append(1, 10, 1000, 0);
  for (int i = 0; i < 20; ++i) append(1, 10, 1000, 3);
  roll();
  flush();
  end_process();
  disk_.put(directory() + "/leader-epoch-checkpoint", as_bytes("0\n2\n0 0\n3 1"));
  reopen_unclean(Offset(21));
  EXPECT_EQ(log_->epoch_of(Offset(0)), LeaderEpoch(0));
  end_process();
  disk_.put(directory() + "/leader-epoch-checkpoint", as_bytes("0\n2\n0 0\n3 "));
  reopen_unclean(Offset(21));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(0))->end_offset, Offset(1));
}

TEST_F(LogPowerLossTest, EpochsOfRecordsThatAreBackAreKnownAgain) {
  open();
  append(2, 10, 1000, 0);
  append(2, 10, 1000, 3);
  append(2, 10, 1000, 5);
  roll();
  flush();
  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(5)));
  end_process();
  // The checkpoint of log starts was not written meanwhile.
  reopen_unclean(Offset(6));
  EXPECT_EQ(log_->log_start_offset(), Offset(0));
  EXPECT_EQ(log_->epoch_of(Offset(1)), LeaderEpoch(0));
  EXPECT_EQ(log_->end_offset_for_epoch(LeaderEpoch(3))->end_offset, Offset(4));
}

TEST(LogDirectoryPowerLossTest, TheMarkOfACleanStopDoesNotComeBack) {
  testing::MemoryFileSystem disk;
  disk.put("/logs/.lock", {});
  disk.put("/logs/.kafka_cleanshutdown", as_bytes("{}"));
  for (int start = 0; start < 2; ++start) {
    // The first process ends when it has removed the mark, and before that is durable.
    if (start == 0) disk.stop_after(1);
    auto directory = LogDirectory::open(disk, "/logs");
    ASSERT_TRUE(directory.ok());
    (*directory)->begin_use();
    EXPECT_EQ((*directory)->was_clean_shutdown(), start == 0);
    disk.end_process();
  }
  disk.lose_everything_unsynced();
  auto directory = LogDirectory::open(disk, "/logs");
  ASSERT_TRUE(directory.ok());
  EXPECT_FALSE((*directory)->was_clean_shutdown());
}

}  // namespace
}  // namespace gregor
