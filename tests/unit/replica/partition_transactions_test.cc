#include <gmock/gmock.h>

#include "partition_fixture.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A partition that takes transactional records without asking anybody, as with
/// transaction.partition.verification.enable=false.
class PartitionTransactionsTest : public PartitionTest {
 protected:
  PartitionTransactionsTest() {
    settings_.verifies_transactions = false;
    lead();
  }

  static Buffer batch(int64_t producer_id, int32_t sequence, bool is_transactional) {
    BatchOptions options;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    options.base_sequence = sequence;
    options.is_transactional = is_transactional;
    return BatchBuilder(options).add(kTimestamp, "key", "value").build();
  }
  ProduceOutcome send(Buffer bytes, bool needs_all = false) {
    return shards_.call([&] { return partition_->append_as_leader(bytes.span(), needs_all, true); });
  }
  void write_in_transaction(int64_t producer_id, int32_t sequence = 0) {
    auto outcome = send(batch(producer_id, sequence, true));
    ASSERT_TRUE(outcome.appended.ok()) << outcome.appended.error().message;
  }
  /// Appends the marker, and a record of somebody else by which the high watermark passes it.
  void end_transaction(int64_t producer_id, bool is_abort) {
    BatchOptions options;
    options.producer_id = producer_id;
    options.producer_epoch = 0;
    options.is_transactional = options.is_control = true;
    std::string key(is_abort ? "\0\0\0\0" : "\0\0\0\1", 4);
    Buffer marker = BatchBuilder(options).add(kTimestamp, key, std::string(6, '\0')).build();
    auto appended = shards_.call([&] {
      return partition_->log().append_as_leader(trusted_batch(marker.span()), LeaderEpoch(0),
                                                {AppendOrigin::coordinator, true});
    });
    ASSERT_TRUE(appended.ok()) << appended.error().message;
    produce(1);
  }
  ReadOutcome read_committed(int64_t offset) {
    ReadRequest request = from(offset);
    request.read_committed = true;
    auto outcome = read(request);
    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
    return std::move(*outcome);
  }
  static OffsetsReader reader(bool only_committed) {
    return only_committed ? OffsetsReader::committed_consumer : OffsetsReader::consumer;
  }
  int64_t latest(bool only_committed) {
    auto found = shards_.call(
        [&] { return partition_->list_offset(list_offsets::kLatest, kNoEpoch, reader(only_committed)); });
    return (*found)->offset.value;
  }
};

TEST_F(PartitionTransactionsTest, ReaderOfWhatIsCommittedEndsAtTheFirstOpenTransaction) {
  produce(3);
  write_in_transaction(7);
  produce(2);
  EXPECT_EQ(read_committed(0).last_stable_offset, Offset(3));
  EXPECT_EQ(read_committed(0).high_watermark, Offset(6));
  EXPECT_EQ(read(from(0))->last_stable_offset, Offset(3));
  EXPECT_GT(read(from(0))->data.size_bytes, read_committed(0).data.size_bytes);
  EXPECT_EQ(read_committed(3).data.size_bytes, 0u);
  EXPECT_EQ(read_committed(5).data.size_bytes, 0u);
  EXPECT_EQ(latest(true), 3);
  EXPECT_EQ(latest(false), 6);
}

TEST_F(PartitionTransactionsTest, AfterTheMarkerEverythingIsReadableAndWhatWasAbortedIsNamed) {
  write_in_transaction(7);
  write_in_transaction(8);
  end_transaction(7, true);
  EXPECT_EQ(read_committed(0).last_stable_offset, Offset(1));
  end_transaction(8, false);
  ReadOutcome outcome = read_committed(0);
  EXPECT_EQ(outcome.last_stable_offset, Offset(6));
  EXPECT_THAT(*outcome.aborted_transactions, ElementsAre(AbortedTransaction{7, Offset(0), Offset(2), Offset(1)}));
  EXPECT_THAT(*read_committed(3).aborted_transactions, IsEmpty());
  EXPECT_EQ(read(from(0))->aborted_transactions, std::nullopt);
}

TEST_F(PartitionTransactionsTest, ATimestampIsNotFoundBehindTheLastStableOffset) {
  write_in_transaction(7);
  auto find = [&](bool only_committed) {
    return shards_.call([&] { return *partition_->list_offset(kTimestamp, kNoEpoch, reader(only_committed)); });
  };
  EXPECT_EQ(find(true), std::nullopt);
  EXPECT_EQ(find(false)->offset, Offset(0));
}

TEST_F(PartitionTransactionsTest, TheMarkerOnOneReplicaIsNotEnough) {
  lead(1, {1, 2});
  write_in_transaction(7);
  EXPECT_EQ(partition_->high_watermark(), Offset(0));
  EXPECT_EQ(shards_.call([&] { return partition_->last_stable_offset(); }), Offset(0));
}

TEST_F(PartitionTransactionsTest, TheEndOfATransactionWakesAReaderWhoWaitsForMuch) {
  write_in_transaction(7);
  auto waiter = wait_for_bytes(1'000'000);
  end_transaction(7, false);
  EXPECT_TRUE(waiter->is_done());
  auto another = wait_for_bytes(1'000'000);
  produce(1);
  EXPECT_FALSE(another->is_done());
}

TEST_F(PartitionTransactionsTest, WithVerificationATransactionThatNobodyBeganIsRefused) {
  settings_.verifies_transactions = true;
  lead(1);
  auto outcome = send(batch(7, 0, true));
  ASSERT_FALSE(outcome.appended.ok());
  EXPECT_TRUE(outcome.appended.error().is(ErrorCode::invalid_txn_state));
  EXPECT_EQ(partition_->log().log_end_offset(), Offset(0));
}

TEST_F(PartitionTransactionsTest, ARepeatedBatchWaitsForItsReplicasAsTheFirstOneDid) {
  ASSERT_TRUE(send(batch(7, 0, false), true).is_replicated);
  lead(1, {1, 2});
  auto first = send(batch(7, 1, false), true);
  EXPECT_FALSE(first.is_replicated);
  auto repeated = send(batch(7, 1, false), true);
  EXPECT_TRUE(repeated.appended->is_duplicate);
  EXPECT_EQ(repeated.appended->first_offset, Offset(1));
  EXPECT_FALSE(repeated.is_replicated);
  EXPECT_TRUE(send(batch(7, 0, false), true).is_replicated);
  EXPECT_EQ(partition_->log().log_end_offset(), Offset(2));
}

}  // namespace
}  // namespace gregor
