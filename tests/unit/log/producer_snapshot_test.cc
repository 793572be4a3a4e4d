#include "broker/log/producer_snapshot.h"

#include "producer_fixture.h"

namespace gregor {
namespace {

// Put together from the description of the format; the checksums are those of Python's crc32c.
const std::string kEmpty("\x00\x01\x48\x67\x4b\xc7\x00\x00\x00\x00", 10);
const std::string kWithBatch(
    "\x00\x01\x67\xac\xfa\x54\x00\x00\x00\x01"  // version, checksum, count
    "\x00\x00\x00\x00\x00\x00\x0f\xa0\x00\x03"  // producer 4000, epoch 3
    "\x00\x00\x00\x0b"                          // last sequence 11
    "\x00\x00\x00\x00\x00\x00\x00\x29"          // last offset 41
    "\x00\x00\x00\x01"                          // offset delta 1
    "\x00\x00\x01\x8b\xcf\xe5\x68\x7b"          // timestamp 1700000000123
    "\x00\x00\x00\x07"                          // coordinator epoch 7
    "\xff\xff\xff\xff\xff\xff\xff\xff",         // no transaction
    56);
const std::string kWithTransactionOnly(
    "\x00\x01\x7c\x28\xe8\xf0\x00\x00\x00\x01"
    "\x00\x00\x00\x00\x00\x00\x0f\xa1\x00\x00"  // producer 4001, epoch 0
    "\xff\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff"
    "\x00\x00\x00\x00"
    "\x00\x00\x01\x8b\xcf\xe5\x69\xc8"   // timestamp 1700000000456
    "\x00\x00\x00\x02"                   // coordinator epoch 2
    "\x00\x00\x00\x00\x00\x00\x00\x26",  // transaction from 38 on
    56);

std::string encoded(const ProducerState& state) {
  Buffer bytes = encode_producer_snapshot(state);
  return std::string(as_text(bytes.view()));
}

std::string problem_of(const std::string& bytes) {
  auto decoded = decode_producer_snapshot(as_bytes(bytes));
  if (decoded) return "none";
  EXPECT_TRUE(decoded.error().is(ErrorCode::corrupt_message));
  return decoded.error().message;
}

TEST(ProducerSnapshot, OfNobodyIsAHeader) {
  EXPECT_EQ(encoded(ProducerState()), kEmpty);
  EXPECT_TRUE(decode_producer_snapshot(as_bytes(kEmpty))->empty());
}

TEST(ProducerSnapshot, HasTheLastBatchOfAProducer) {
  ProducerEntry entry;
  entry.set_epoch(3);
  entry.add({Offset(39), 1, 9, 0});
  entry.add({Offset(41), 1700000000123, 11, 1});
  entry.end_transaction(7, 1700000000123);
  ProducerState state;
  state.restore(4000, std::move(entry));
  EXPECT_EQ(encoded(state), kWithBatch);
}

TEST(ProducerSnapshot, HasTheTransactionOfAProducer) {
  ProducerEntry entry;
  entry.set_epoch(0);
  entry.end_transaction(2, 1700000000456);
  entry.begin_transaction(Offset(38));
  ProducerState state;
  state.restore(4001, std::move(entry));
  EXPECT_EQ(encoded(state), kWithTransactionOnly);
  EXPECT_EQ(state.first_unstable_offset(), Offset(38));
}

TEST(ProducerSnapshot, IsReadAsItWasWritten) {
  auto decoded = decode_producer_snapshot(as_bytes(kWithBatch));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  ASSERT_EQ(decoded->size(), 1u);
  const auto& [producer_id, entry] = decoded->front();
  EXPECT_EQ(producer_id, 4000);
  EXPECT_EQ(entry.epoch(), 3);
  EXPECT_EQ(entry.coordinator_epoch(), 7);
  EXPECT_EQ(entry.last_timestamp(), 1700000000123);
  EXPECT_EQ(entry.transaction_start(), std::nullopt);
  ASSERT_EQ(entry.batch_count(), 1u);
  EXPECT_EQ(entry.last_batch()->first_sequence(), 10);
  EXPECT_EQ(entry.last_batch()->last_sequence, 11);
  EXPECT_EQ(entry.last_batch()->first_offset(), Offset(40));
  auto other = decode_producer_snapshot(as_bytes(kWithTransactionOnly));
  EXPECT_EQ(other->front().second.transaction_start(), Offset(38));
  EXPECT_EQ(other->front().second.last_batch(), nullptr);
}

TEST(ProducerSnapshot, EveryDamageIsNoticed) {
  for (size_t size = 0; size < kWithBatch.size(); ++size) EXPECT_NE(problem_of(kWithBatch.substr(0, size)), "none");
  for (size_t i = 0; i < kWithBatch.size(); ++i) {
    std::string flipped = kWithBatch;
    flipped[i] ^= 0x10;
    EXPECT_NE(problem_of(flipped), "none") << i;
  }
  EXPECT_EQ(problem_of(std::string("\0\2", 2) + kEmpty.substr(2)), "unknown version 2");
}

}  // namespace
}  // namespace gregor
