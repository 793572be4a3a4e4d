#include <gmock/gmock.h>

#include <algorithm>

#include "broker/log/producer_snapshot.h"
#include "producer_fixture.h"
#include "tests/support/faulty_files.h"

namespace gregor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogProducersTest : public LogTest {
 protected:
  LogProducersTest() { clock_.wall = 5000; }

  template <class Batch>
  Result<AppendInfo> try_send(const Batch& batch, AppendRules rules = {}) {
    Buffer bytes = gregor::batch_of(batch);
    return log_->append_as_leader(trusted_batch(bytes.span()), LeaderEpoch(0), rules);
  }
  AppendInfo send(const Sent& sent) {
    auto info = try_send(sent);
    EXPECT_TRUE(info.ok()) << info.error().message;
    return info.ok() ? *info : AppendInfo();
  }
  void end(const Marker& marker) {
    auto info = try_send(marker, from_coordinator());
    EXPECT_TRUE(info.ok()) << info.error().message;
  }
  ErrorCode send_error(const Sent& sent) {
    auto info = try_send(sent);
    return info ? ErrorCode::none : kafka_code(info.error().code);
  }
  /// Four plain segments' worth: every batch gets a segment of its own from now on.
  void one_batch_per_segment() { config_.segment_size_bytes = 100; }

  std::vector<int64_t> snapshots() const { return offsets_of_files(".snapshot"); }
  std::vector<int64_t> offsets_of_files(const std::string& suffix) const {
    std::vector<int64_t> offsets;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
      if (entry.path().extension() == suffix)
        offsets.push_back(SegmentFileName::parse(entry.path().filename().string())->base_offset.value);
    }
    std::sort(offsets.begin(), offsets.end());
    return offsets;
  }
  std::vector<int64_t> known_producers() const {
    std::vector<int64_t> ids;
    for (const auto& producer : log_->producers().producers()) ids.push_back(producer.first);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  int32_t last_sequence_of(int64_t producer_id) const {
    const ProducerEntry* entry = log_->producers().find(producer_id);
    return entry == nullptr ? -2 : entry->last_sequence();
  }
  void kill() { log_.reset(); }
  std::vector<AbortedTransaction> aborted(int64_t from, uint64_t max_bytes = 1 << 20) {
    auto found = log_->read(Offset(from), log_->log_end_offset(), max_bytes, true);
    EXPECT_TRUE(found.ok());
    auto listed = log_->aborted_transactions(Offset(from), *found);
    EXPECT_TRUE(listed.ok()) << listed.error().message;
    return *listed;
  }
};

// --- appends ---

TEST_F(LogProducersTest, AnswersARepeatedBatchAsTheFirstTime) {
  open();
  append(5);
  send({.sequence = 0, .count = 3, .timestamp = 777});
  send({.sequence = 3, .count = 2});
  AppendInfo repeated = send({.sequence = 0, .count = 3, .timestamp = 777});
  EXPECT_TRUE(repeated.is_duplicate);
  EXPECT_EQ(repeated.first_offset, Offset(5));
  EXPECT_EQ(repeated.last_offset, Offset(7));
  EXPECT_EQ(repeated.log_append_time, 777);
  EXPECT_EQ(log_->log_end_offset(), Offset(10));
}

TEST_F(LogProducersTest, NothingOfARefusedBatchIsKept) {
  open();
  send({.sequence = 0});
  EXPECT_EQ(send_error({.sequence = 2}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
  EXPECT_EQ(send_error({.sequence = 1}), ErrorCode::none);
}

TEST_F(LogProducersTest, AFollowerKnowsTheProducersOfItsLeader) {
  open();
  Buffer first = gregor::batch_of(Sent{.sequence = 0, .count = 2, .is_transactional = true}, Offset(0));
  Buffer second = gregor::batch_of(Marker{.outcome = Outcome::abort}, Offset(2));
  Buffer third = gregor::batch_of(Sent{.producer_id = 7, .sequence = 40, .is_transactional = true}, Offset(3));
  for (const Buffer* more : {&second, &third}) first.append(more->view());
  auto appended = log_->append_as_follower(first.view());
  ASSERT_TRUE(appended.ok()) << appended.error().message;
  EXPECT_EQ(last_sequence_of(4000), 1);
  EXPECT_EQ(last_sequence_of(7), 40);
  EXPECT_EQ(log_->first_unstable_offset(Offset(4)), Offset(3));
  EXPECT_THAT(aborted(0), ElementsAre(AbortedTransaction{4000, Offset(0), Offset(2), Offset(3)}));
}

// --- snapshots ---

TEST_F(LogProducersTest, AnEmptyLogStaysWithoutFiles) {
  open();
  ASSERT_TRUE(log_->close().ok());
  EXPECT_TRUE(std::filesystem::is_empty(directory()));
}

TEST_F(LogProducersTest, ASnapshotIsWrittenAtARollAndAtTheClose) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 3; ++i) send({.sequence = i});
  EXPECT_THAT(snapshots(), ElementsAre(1, 2));
  ASSERT_TRUE(log_->close().ok());
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3));
  auto decoded = decode_producer_snapshot(as_bytes(read_all(file(Offset(2), ".snapshot"))));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->front().second.last_sequence(), 1);
  EXPECT_EQ(decoded->front().second.last_batch()->last_offset, Offset(1));
}

TEST_F(LogProducersTest, WithoutProducersOnlyARollWritesASnapshot) {
  open();
  append(1);
  reopen_clean();
  append(1);
  kill();
  reopen_unclean();
  EXPECT_THAT(snapshots(), IsEmpty());
  one_batch_per_segment();
  log_->set_config(config_);
  append(1);
  EXPECT_THAT(snapshots(), ElementsAre(2));
  reopen_clean();
  EXPECT_THAT(snapshots(), ElementsAre(2, 3));
}

TEST_F(LogProducersTest, ASnapshotThatIsWrongAfterAKillIsReplaced) {
  open();
  send({.sequence = 0, .timestamp = 5000});
  ASSERT_TRUE(log_->close().ok());
  std::string right = read_all(file(Offset(1), ".snapshot"));
  for (const std::string& wrong : {right.substr(0, 9), right + right, std::string(right.size(), '\0')}) {
    kill();
    write_all(file(Offset(1), ".snapshot"), wrong);
    std::filesystem::copy(file(Offset(1), ".snapshot"), file(Offset(7), ".snapshot"));
    reopen_unclean();
    EXPECT_THAT(snapshots(), ElementsAre(1));
    EXPECT_EQ(read_all(file(Offset(1), ".snapshot")), right);
    EXPECT_EQ(last_sequence_of(4000), 0);
  }
}

TEST_F(LogProducersTest, ARollDoesNotWaitForTheDisk) {
  one_batch_per_segment();
  open();
  send({.sequence = 0});
  send({.sequence = 1});
  auto job = log_->prepare_flush();
  ASSERT_TRUE(job.ok());
  auto is_snapshot = [](const auto& synced) { return synced->path().ends_with(".snapshot"); };
  EXPECT_EQ(std::count_if(job->to_sync.begin(), job->to_sync.end(), is_snapshot), 1);
}

TEST_F(LogProducersTest, AfterACleanStopOnlyTheSnapshotIsRead) {
  open();
  send({.sequence = 0, .count = 4, .timestamp = 4000});
  ASSERT_TRUE(log_->close().ok());
  kill();
  // Whoever read the batch again would find another producer.
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes[batch_layout::kProducerId + 7] ^= 1;
  write_all(file(Offset(0), ".log"), bytes);
  open({.clean_shutdown = true});
  EXPECT_THAT(known_producers(), ElementsAre(4000));
  EXPECT_EQ(last_sequence_of(4000), 3);
  EXPECT_TRUE(send({.sequence = 0, .count = 4}).is_duplicate);
  EXPECT_EQ(send_error({.sequence = 5}), ErrorCode::out_of_order_sequence_number);
}

TEST_F(LogProducersTest, KeepsOneSnapshotPerSegmentAndTheOneOfTheClose) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 4; ++i) send({.sequence = i, .timestamp = 5000});
  for (int turn = 0; turn < 3; ++turn) reopen_clean();
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3, 4));
  for (int64_t stray : {0, 5})
    std::filesystem::copy(file(Offset(2), ".snapshot"), file(Offset(stray), ".snapshot"));
  config_.segment_size_bytes = 10000;
  log_->set_config(config_);
  send({.sequence = 4, .count = 3, .timestamp = 5000});
  reopen_clean();
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3, 7));
  EXPECT_EQ(last_sequence_of(4000), 6);
}

TEST_F(LogProducersTest, ADamagedSnapshotIsRemovedAndTheOneBeforeIsUsed) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 4; ++i) send({.sequence = i, .timestamp = 4900 + i});
  ASSERT_TRUE(log_->close().ok());
  kill();
  for (int64_t offset : {3, 4}) {
    std::string bytes = read_all(file(Offset(offset), ".snapshot"));
    write_all(file(Offset(offset), ".snapshot"), bytes.substr(0, bytes.size() - 1));
  }
  open({.clean_shutdown = true});
  EXPECT_EQ(last_sequence_of(4000), 3);
  EXPECT_EQ(log_->producers().find(4000)->batch_count(), 3u);  // that of the snapshot at 2, and two that were read
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3, 4));
}

TEST_F(LogProducersTest, WithoutSnapshotsAfterACleanStopNothingIsReadAndEmptyOnesAreWritten) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 3; ++i) send({.sequence = i});
  ASSERT_TRUE(log_->close().ok());
  kill();
  for (int64_t offset : {1, 2, 3}) std::filesystem::remove(file(Offset(offset), ".snapshot"));
  open({.clean_shutdown = true});
  EXPECT_THAT(known_producers(), IsEmpty());
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3));
}

TEST_F(LogProducersTest, ExpiresProducersWhileLoadingAndWhenAsked) {
  config_.producer_expiration_ms = 1000;
  open();
  send({.producer_id = 1, .timestamp = 4000});
  send({.producer_id = 2, .timestamp = 4500});
  log_->expire_producers();
  EXPECT_THAT(known_producers(), ElementsAre(2));
  ASSERT_TRUE(log_->close().ok());
  clock_.wall = 5499;
  open({.clean_shutdown = true});
  EXPECT_THAT(known_producers(), ElementsAre(2));
  ASSERT_TRUE(log_->close().ok());
  clock_.wall = 5500;
  open({.clean_shutdown = true});
  EXPECT_THAT(known_producers(), IsEmpty());
}

// --- recovery ---

TEST_F(LogProducersTest, AfterAKillThePassOverTheLogFindsTheProducersAgain) {
  open();
  append(3);
  for (int i = 0; i < 7; ++i) send({.sequence = i * 2, .count = 2, .timestamp = 5000});
  send({.producer_id = 9, .sequence = 0, .is_transactional = true, .timestamp = 5000});
  kill();
  reopen_unclean();
  EXPECT_THAT(known_producers(), ElementsAre(9, 4000));
  EXPECT_EQ(log_->producers().find(4000)->batch_count(), 5u);
  EXPECT_EQ(log_->first_unstable_offset(log_->log_end_offset()), Offset(17));
  AppendInfo repeated = send({.sequence = 6, .count = 2});
  EXPECT_TRUE(repeated.is_duplicate);
  EXPECT_EQ(repeated.first_offset, Offset(9));
}

TEST_F(LogProducersTest, RecoveryBeginsWithTheSnapshotOfTheFirstSegmentThatItReads) {
  one_batch_per_segment();
  open();
  send({.producer_id = 1, .timestamp = 5000});
  send({.producer_id = 2, .timestamp = 5000});
  send({.producer_id = 3, .timestamp = 5000});
  kill();
  // Below the recovery point nothing is read: what the segment says does not count.
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes[batch_layout::kProducerId + 7] ^= 1;
  write_all(file(Offset(0), ".log"), bytes);
  reopen_unclean(Offset(1));
  EXPECT_THAT(known_producers(), ElementsAre(1, 2, 3));
  EXPECT_THAT(snapshots(), ElementsAre(1, 2, 3));
}

TEST_F(LogProducersTest, RecoveryWithoutASnapshotReadsTheSegmentsBefore) {
  one_batch_per_segment();
  open();
  send({.producer_id = 1, .is_transactional = true, .timestamp = 5000});
  end({.outcome = Outcome::abort, .producer_id = 1, .timestamp = 5000});
  send({.producer_id = 3, .timestamp = 5000});
  kill();
  for (int64_t offset : snapshots()) std::filesystem::remove(file(Offset(offset), ".snapshot"));
  reopen_unclean(Offset(2));
  EXPECT_THAT(known_producers(), ElementsAre(1, 3));
  EXPECT_EQ(log_->first_unstable_offset(Offset(3)), std::nullopt);
}

TEST_F(LogProducersTest, ATornTailTakesItsSequenceWithIt) {
  open();
  send({.sequence = 0, .timestamp = 5000});
  uint64_t sound = std::filesystem::file_size(file(Offset(0), ".log"));
  send({.sequence = 1, .timestamp = 5000});
  kill();
  std::filesystem::resize_file(file(Offset(0), ".log"), sound + 20);
  reopen_unclean();
  EXPECT_EQ(last_sequence_of(4000), 0);
  EXPECT_EQ(send({.sequence = 1}).first_offset, Offset(1));
}

TEST_F(LogProducersTest, RecoveryMakesTheTransactionIndexAnew) {
  open();
  send({.sequence = 0, .is_transactional = true, .timestamp = 5000});
  send({.producer_id = 1, .is_transactional = true, .timestamp = 5000});
  end({.outcome = Outcome::abort});
  end({.outcome = Outcome::commit, .producer_id = 1});
  std::string right = read_all(file(Offset(0), ".txnindex"));
  ASSERT_EQ(right.size(), 34u);
  kill();
  for (const std::string& wrong : {std::string(), right + right, right.substr(3)}) {
    write_all(file(Offset(0), ".txnindex"), wrong);
    reopen_unclean();
    EXPECT_EQ(read_all(file(Offset(0), ".txnindex")), right) << wrong.size();
    EXPECT_THAT(aborted(0), ElementsAre(AbortedTransaction{4000, Offset(0), Offset(2), Offset(1)}));
    kill();
  }
}

TEST_F(LogProducersTest, ADamagedTransactionIndexIsMadeAnewAfterACleanStopToo) {
  open();
  send({.sequence = 0, .is_transactional = true, .timestamp = 5000});
  end({.outcome = Outcome::abort, .timestamp = 5000});
  ASSERT_TRUE(log_->close().ok());
  kill();
  std::string right = read_all(file(Offset(0), ".txnindex"));
  write_all(file(Offset(0), ".txnindex"), right + "x");
  open({.clean_shutdown = true});
  EXPECT_EQ(read_all(file(Offset(0), ".txnindex")), right);
  EXPECT_EQ(last_sequence_of(4000), 0);
}

TEST_F(LogProducersTest, RecoveryThatRemovesTheNextSegmentKeepsTheProducersOfTheOneBefore) {
  one_batch_per_segment();
  open();
  send({.sequence = 0});
  append(1);
  kill();
  std::string first = read_all(file(Offset(0), ".log"));
  write_all(file(Offset(0), ".log"), first + "torn");
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
  EXPECT_THAT(snapshots(), ElementsAre(1));
  reopen_clean();
  EXPECT_THAT(known_producers(), ElementsAre(4000));
  EXPECT_TRUE(send({.sequence = 0}).is_duplicate);
}

// --- truncation, retention ---

TEST_F(LogProducersTest, TruncationTakesSequencesBack) {
  open();
  for (int i = 0; i < 4; ++i) send({.sequence = i, .timestamp = 5000});
  send({.producer_id = 8, .is_transactional = true, .timestamp = 5000});
  ASSERT_TRUE(log_->truncate_to(Offset(2)).ok());
  EXPECT_THAT(known_producers(), ElementsAre(4000));
  EXPECT_EQ(last_sequence_of(4000), 1);
  EXPECT_EQ(log_->first_unstable_offset(Offset(2)), std::nullopt);
  EXPECT_EQ(send_error({.sequence = 4}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(send({.sequence = 2}).first_offset, Offset(2));
}

TEST_F(LogProducersTest, TruncationOpensATransactionWhoseMarkerItCuts) {
  open();
  send({.sequence = 0, .is_transactional = true, .timestamp = 5000});
  end({.outcome = Outcome::abort});
  ASSERT_TRUE(log_->truncate_to(Offset(1)).ok());
  EXPECT_EQ(log_->first_unstable_offset(Offset(1)), Offset(0));
  EXPECT_THAT(aborted(0), IsEmpty());
  end({.outcome = Outcome::commit});
  EXPECT_THAT(aborted(0), IsEmpty());
}

TEST_F(LogProducersTest, TruncationAcrossSegmentsUsesTheSnapshotThatIsLeft) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 4; ++i) send({.sequence = i, .timestamp = 5000});
  ASSERT_TRUE(log_->close().ok());
  open({.clean_shutdown = true});
  ASSERT_TRUE(log_->truncate_to(Offset(2)).ok());
  EXPECT_EQ(last_sequence_of(4000), 1);
  EXPECT_THAT(snapshots(), ElementsAre(1, 2));
  reopen_clean();
  EXPECT_EQ(last_sequence_of(4000), 1);
}

TEST_F(LogProducersTest, TruncatingEverythingForgetsEverybody) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 3; ++i) send({.sequence = i, .is_transactional = true});
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(50)).ok());
  EXPECT_THAT(known_producers(), IsEmpty());
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_EQ(log_->first_unstable_offset(Offset(50)), std::nullopt);
  EXPECT_EQ(send({.sequence = 77}).first_offset, Offset(50));
}

TEST_F(LogProducersTest, DeletedSegmentsTakeTheirSnapshotsButNotTheProducers) {
  one_batch_per_segment();
  open();
  for (int i = 0; i < 4; ++i) send({.sequence = i, .timestamp = 5000});
  ASSERT_TRUE(log_->advance_log_start_offset(Offset(3)).ok());
  EXPECT_THAT(snapshots(), ElementsAre(3));
  EXPECT_EQ(last_sequence_of(4000), 3);
  EXPECT_EQ(send_error({.sequence = 4}), ErrorCode::none);
}

TEST_F(LogProducersTest, AnUnstableOffsetIsNeverBeforeTheLogsStart) {
  open();
  send({.sequence = 0, .count = 10, .is_transactional = true});
  ASSERT_TRUE(log_->advance_log_start_offset(Offset(4)).ok());
  EXPECT_EQ(log_->first_unstable_offset(Offset(10)), Offset(4));
}

// --- reading what is committed ---

TEST_F(LogProducersTest, ListsTheAbortedTransactionsOfWhatWasReadAcrossSegments) {
  one_batch_per_segment();
  open();
  send({.producer_id = 1, .is_transactional = true});   // 0
  send({.producer_id = 2, .is_transactional = true});   // 1
  send({.producer_id = 3, .is_transactional = true});   // 2
  end({.outcome = Outcome::abort, .producer_id = 1});   // 3
  end({.outcome = Outcome::commit, .producer_id = 2});  // 4
  end({.outcome = Outcome::abort, .producer_id = 3});   // 5
  send({.producer_id = 4, .is_transactional = true});   // 6
  end({.outcome = Outcome::abort, .producer_id = 4});   // 7
  EXPECT_THAT(offsets_of_files(".txnindex"), ElementsAre(3, 5, 7));
  const AbortedTransaction first{1, Offset(0), Offset(3), Offset(1)};
  const AbortedTransaction second{3, Offset(2), Offset(5), Offset(6)};
  const AbortedTransaction third{4, Offset(6), Offset(7), Offset(8)};
  EXPECT_THAT(aborted(0), ElementsAre(first));
  EXPECT_THAT(aborted(2), ElementsAre(first, second));
  EXPECT_THAT(aborted(4), ElementsAre(second));
  EXPECT_THAT(aborted(6), ElementsAre(third));
  reopen_clean();
  EXPECT_THAT(aborted(2), ElementsAre(first, second));
}

TEST_F(LogProducersTest, ListsNoTransactionFarBehindWhatWasRead) {
  config_.index_interval_bytes = 0;
  open();
  for (int i = 0; i < 20; ++i) {
    send({.producer_id = i, .is_transactional = true});
    end({.outcome = Outcome::abort, .producer_id = i});
  }
  EXPECT_LE(aborted(0, 1).size(), 2u);
  EXPECT_EQ(aborted(0).size(), 20u);
}

// --- no room for a snapshot ---

class LogProducersWithoutASnapshotTest : public LogProducersTest {
 protected:
  LogProducersWithoutASnapshotTest() {
    open();
    send({.sequence = 0});
  }
  FileSystem& files() override { return faulty_; }

  testing::FaultyFileSystem faulty_;
};

TEST_F(LogProducersWithoutASnapshotTest, ALogWhoseProducersTheNextStartWouldForgetIsNotClosedProperly) {
  faulty_.failing_path = file(Offset(1), ".snapshot");
  faulty_.error = ENOSPC;
  auto closed = log_->close();
  ASSERT_FALSE(closed.ok());
  EXPECT_TRUE(closed.error().is(ErrorCode::kafka_storage_error));
  EXPECT_NE(closed.error().message.find(file(Offset(1), ".snapshot")), std::string::npos) << closed.error().message;
  EXPECT_EQ(log_->recovery_point(), Offset(0));
  faulty_.error = 0;
  reopen_clean();
  EXPECT_EQ(last_sequence_of(4000), 0);
}

TEST_F(LogProducersWithoutASnapshotTest, AnOlderSnapshotThatTheNextStartRemovesIsNotEnough) {
  reopen_clean();
  one_batch_per_segment();
  log_->set_config(config_);
  send({.sequence = 1});
  faulty_.failing_path = file(Offset(2), ".snapshot");
  faulty_.error = ENOSPC;
  EXPECT_FALSE(log_->close().ok());
}

TEST_F(LogProducersWithoutASnapshotTest, WhereNoProducerIsKnownNoneIsMissed) {
  reopen_clean();
  clock_.wall += int64_t{config_.producer_expiration_ms} + 1;
  reopen_clean();
  append(1);
  faulty_.failing_path = file(Offset(2), ".snapshot");
  faulty_.error = ENOSPC;
  EXPECT_EQ(last_sequence_of(4000), -2);
  EXPECT_TRUE(log_->close().ok());
}

TEST_F(LogProducersWithoutASnapshotTest, ATruncationThatHasToBeTakenAgainForgetsNoProducer) {
  reopen_clean();
  send({.sequence = 1});
  send({.sequence = 2});
  faulty_.failing_path = file(Offset(1), ".snapshot");
  faulty_.open_error = EMFILE;
  EXPECT_FALSE(log_->truncate_to(Offset(2)).ok());
  faulty_.open_error = 0;
  ASSERT_TRUE(log_->truncate_to(Offset(2)).ok());
  EXPECT_EQ(last_sequence_of(4000), 1);
}

// --- aborted transactions on a full disk ---

class LogProducersOnAFullDiskTest : public LogProducersTest {
 protected:
  LogProducersOnAFullDiskTest() {
    open();
    send({.producer_id = 1, .is_transactional = true});  // 0
    send({.producer_id = 2, .is_transactional = true});  // 1
    faulty_.failing_path = file(Offset(0), ".txnindex");
    faulty_.error = ENOSPC;
    end({.outcome = Outcome::abort, .producer_id = 1});  // 2
    end({.outcome = Outcome::abort, .producer_id = 2});  // 3
  }
  FileSystem& files() override { return faulty_; }
  bool flush() {
    auto job = log_->prepare_flush();
    if (!job || !job->run()) return false;
    log_->mark_flushed(*job);
    return true;
  }

  testing::FaultyFileSystem faulty_;
  const AbortedTransaction first_{1, Offset(0), Offset(2), Offset(1)};
  const AbortedTransaction second_{2, Offset(1), Offset(3), Offset(4)};
};

TEST_F(LogProducersOnAFullDiskTest, AnAbortedTransactionIsKnownWhetherItsEntryCouldBeWrittenOrNot) {
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_));
  EXPECT_THAT(offsets_of_files(".txnindex"), IsEmpty());
  EXPECT_FALSE(flush());
  EXPECT_EQ(log_->recovery_point(), Offset(0)) << "a crash would lose the entries";
  EXPECT_FALSE(log_->close().ok()) << "that was no clean stop";
  append(1);
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_));

  faulty_.error = 0;
  EXPECT_TRUE(flush());
  EXPECT_EQ(log_->recovery_point(), Offset(5));
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".txnindex")), 2 * TransactionIndex::kEntrySize);
  reopen_clean();
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_));
}

TEST_F(LogProducersOnAFullDiskTest, TheNextEntryTakesThoseThatWaitAlong) {
  faulty_.error = 0;
  send({.producer_id = 3, .is_transactional = true});  // 4
  end({.outcome = Outcome::abort, .producer_id = 3});  // 5
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".txnindex")), 3 * TransactionIndex::kEntrySize);
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_, AbortedTransaction{3, Offset(4), Offset(5), Offset(6)}));
}

TEST_F(LogProducersOnAFullDiskTest, ACrashLosesNoEntry) {
  kill();
  faulty_.error = 0;
  reopen_unclean();
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_));
}

TEST_F(LogProducersOnAFullDiskTest, ATruncationTakesEntriesThatWaitWithItsMarkers) {
  ASSERT_TRUE(log_->truncate_to(Offset(3)).ok());
  EXPECT_THAT(aborted(0), ElementsAre(first_));
  faulty_.error = 0;
  ASSERT_TRUE(flush());
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".txnindex")), TransactionIndex::kEntrySize);
  EXPECT_EQ(log_->first_unstable_offset(Offset(3)), Offset(1));
}

TEST_F(LogProducersOnAFullDiskTest, ARebuildThatFailsLeavesTheFileToBeRebuilt) {
  faulty_.error = 0;
  ASSERT_TRUE(flush());
  reopen_clean();
  ASSERT_TRUE(log_->close().ok());
  kill();
  std::filesystem::remove(file(Offset(0), ".index"));
  std::string entries = read_all(file(Offset(0), ".txnindex"));
  faulty_.error = ENOSPC;
  auto refused = PartitionLog::open(files(), clock_, directory(), {"orders", 0}, config_, {.clean_shutdown = true});
  EXPECT_FALSE(refused.ok());
  faulty_.error = 0;
  open({.recovery_point = Offset(4)});
  EXPECT_EQ(read_all(file(Offset(0), ".txnindex")), entries);
  EXPECT_THAT(aborted(0), ElementsAre(first_, second_));
}

}  // namespace
}  // namespace gregor
