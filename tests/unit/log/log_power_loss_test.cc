// Logs on a disk that loses its power, or whose process ends half way: what the property tests found.
#include "broker/log/log_directory.h"
#include "producer_fixture.h"
#include "tests/support/memory_file_system.h"

namespace gregor {
namespace {

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

  testing::MemoryFileSystem disk_;
};

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
