#include "broker/record/batch.h"

#include <gtest/gtest.h>

#include "broker/record/builder.h"
#include "broker/record/record_reader.h"
#include "golden_batches.h"

namespace gregor {
namespace {

std::vector<RecordView> records_of(RecordReader& reader) {
  std::vector<RecordView> records;
  while (true) {
    auto record = reader.next();
    EXPECT_TRUE(record.ok());
    if (!record.ok() || !*record) return records;
    records.push_back(**record);
  }
}

std::string long_value() {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "first";
  return value;
}

Buffer build_few(BatchOptions options = {}) {
  const RecordHeader headers[] = {{"trace", "42"}, {"empty", std::nullopt}};
  BatchBuilder builder(options);
  builder.add(golden::kTimestamp, "a", long_value());
  builder.add(golden::kTimestamp + 5, std::nullopt, "no key", headers);
  builder.add(golden::kTimestamp + 3, "b", std::nullopt);
  return builder.build();
}

TEST(BatchView, ReadsEveryHeaderField) {
  auto batch = BatchView::probe(golden::idempotent);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->magic(), 2);
  EXPECT_EQ(batch->size(), golden::idempotent.size());
  EXPECT_EQ(batch->base_offset(), Offset(0));
  EXPECT_EQ(batch->last_offset(), Offset(2));
  EXPECT_EQ(batch->record_count(), 3);
  EXPECT_EQ(batch->producer_id(), 1234567890123);
  EXPECT_EQ(batch->producer_epoch(), 7);
  EXPECT_EQ(batch->base_sequence(), 99);
  EXPECT_TRUE(batch->is_transactional());
  EXPECT_FALSE(batch->is_control());
  EXPECT_EQ(batch->compression(), Compression::none);
  EXPECT_EQ(batch->base_timestamp(), golden::kTimestamp);
  EXPECT_EQ(batch->max_timestamp(), golden::kTimestamp + 5);
  EXPECT_TRUE(batch->is_intact());
}

TEST(BatchView, ReadsWhatMagicZeroAndOneHave) {
  auto old = BatchView::probe(golden::magic0_plain);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->magic(), 0);
  EXPECT_EQ(old->max_timestamp(), kNoTimestamp);
  BatchIterator entries(golden::magic1_plain);
  auto first = entries.next();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_intact());
  EXPECT_EQ(first->max_timestamp(), golden::kTimestamp);
  auto second = entries.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->last_offset(), Offset(1));
  EXPECT_EQ(BatchView::probe(golden::magic1_gzip)->compression(), Compression::gzip);
}

TEST(BatchView, SeesEveryFlippedBitBehindTheLeaderEpoch) {
  for (size_t i = batch_layout::kCrc; i < golden::few_plain.size(); ++i) {
    auto damaged = golden::few_plain;
    damaged[i] ^= 0x10;
    auto batch = BatchView::probe(damaged);
    EXPECT_TRUE(!batch || !batch->is_intact()) << i;
  }
}

TEST(BatchIterator, StopsBeforeACutOffBatch) {
  auto bytes = golden::few_plain;
  bytes.insert(bytes.end(), golden::few_gzip.begin(), golden::few_gzip.end() - 1);
  BatchIterator batches(bytes);
  EXPECT_TRUE(batches.next());
  EXPECT_FALSE(batches.next());
  EXPECT_EQ(batches.rest().size(), golden::few_gzip.size() - 1);
}

TEST(BatchPatching, OfOffsetAndEpochLeavesTheChecksumValid) {
  auto bytes = golden::few_plain;
  patch_base_offset(bytes, Offset(1000));
  patch_leader_epoch(bytes, LeaderEpoch(7));
  auto batch = BatchView::probe(bytes);
  EXPECT_EQ(batch->last_offset(), Offset(1002));
  EXPECT_EQ(batch->leader_epoch(), LeaderEpoch(7));
  EXPECT_TRUE(batch->is_intact());
}

TEST(BatchPatching, OfTheTimestampRecomputesTheChecksum) {
  auto bytes = golden::few_gzip;
  patch_max_timestamp(bytes, TimestampType::log_append_time, 5);
  auto batch = BatchView::probe(bytes);
  EXPECT_EQ(batch->timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(batch->compression(), Compression::gzip);
  EXPECT_EQ(batch->max_timestamp(), 5);
  EXPECT_TRUE(batch->is_intact());
}

TEST(BatchBuilder, MakesTheBytesThatKafkaPythonMakes) {
  Buffer plain = build_few();
  auto theirs = golden::few_plain;
  // kafka-python writes 0 where Kafka's clients write -1 for the unknown leader epoch; it is outside the checksum.
  patch_leader_epoch(theirs, kNoEpoch);
  EXPECT_EQ(as_text(plain.view()), as_text(theirs));
}

TEST(RecordReader, ReadsWhatKafkaPythonWroteInEveryCodec) {
  for (const auto* bytes :
       {&golden::few_plain, &golden::few_gzip, &golden::few_snappy, &golden::few_lz4, &golden::few_zstd}) {
    auto reader = RecordReader::open(*BatchView::probe(*bytes));
    ASSERT_TRUE(reader.ok());
    auto records = records_of(*reader);
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(as_text(*records[0].key), "a");
    EXPECT_EQ(as_text(*records[0].value), long_value());
    EXPECT_FALSE(records[1].key);
    EXPECT_EQ(records[1].timestamp, golden::kTimestamp + 5);
    ASSERT_EQ(records[1].headers.size(), 2u);
    EXPECT_EQ(records[1].headers[0].key, "trace");
    EXPECT_EQ(as_text(*records[1].headers[0].value), "42");
    EXPECT_FALSE(records[1].headers[1].value);
    EXPECT_EQ(records[2].offset, Offset(2));
    EXPECT_FALSE(records[2].value);
  }
}

TEST(RecordReader, GivesEveryRecordTheAppendTimeOfItsBatch) {
  auto bytes = golden::few_plain;
  patch_max_timestamp(bytes, TimestampType::log_append_time, 77);
  auto reader = RecordReader::open(*BatchView::probe(bytes));
  for (const RecordView& record : records_of(*reader)) EXPECT_EQ(record.timestamp, 77);
}

}  // namespace
}  // namespace gregor
