#include "broker/record/validation.h"

#include <gtest/gtest.h>

#include <functional>

#include "broker/record/builder.h"
#include "broker/record/compression.h"
#include "broker/types/error_code.h"
#include "golden_batches.h"

namespace gregor {
namespace {

using Records = std::vector<uint8_t>;

ProduceRules rules_at(int64_t now_ms = golden::kTimestamp) {
  ProduceRules rules;
  rules.now_ms = now_ms;
  return rules;
}

ErrorCode code_of(Records records, const ProduceRules& rules = rules_at()) {
  auto validation = validate_produced(records, rules);
  return validation.batch.ok() ? ErrorCode::none : kafka_code(validation.batch.error().code);
}

/// `records` with one lie in it and a checksum that covers for it.
Records lying(Records records, const std::function<void(Records&)>& lie) {
  lie(records);
  patch_crc(records);
  return records;
}

template <class Int>
Records with_field(Records records, size_t position, Int value) {
  return lying(std::move(records), [&](Records& bytes) { store_big_endian(bytes.data() + position, value); });
}

/// A batch of `count` claimed records around a payload written by hand.
Records with_payload(const Records& payload, int32_t count) {
  Records bytes(golden::few_plain.begin(), golden::few_plain.begin() + batch_layout::kHeaderSize);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  store_big_endian(bytes.data() + batch_layout::kLength,
                   static_cast<int32_t>(bytes.size() - batch_layout::kPrefixSize));
  store_big_endian(bytes.data() + batch_layout::kRecordCount, count);
  store_big_endian(bytes.data() + batch_layout::kLastOffsetDelta, count - 1);
  patch_crc(bytes);
  return bytes;
}

TEST(Validation, AcceptsWhatKafkaPythonSendsInEveryCodec) {
  for (const auto* golden : {&golden::few_plain, &golden::few_gzip, &golden::few_snappy, &golden::few_lz4,
                             &golden::few_zstd, &golden::idempotent}) {
    Records records = *golden;
    auto validation = validate_produced(records, rules_at());
    ASSERT_TRUE(validation.batch.ok()) << validation.batch.error().message;
    EXPECT_EQ(validation.batch->record_count, 3);
    EXPECT_EQ(validation.batch->max_timestamp, golden::kTimestamp + 5);
    EXPECT_EQ(records, *golden) << "a truthful batch is left as it is";
  }
  for (const auto* golden : {&golden::many_gzip, &golden::many_snappy, &golden::many_lz4, &golden::many_zstd}) {
    EXPECT_EQ(code_of(*golden), ErrorCode::none);
  }
}

TEST(Validation, TakesExactlyOneWholeBatch) {
  Records two = golden::few_plain;
  two.insert(two.end(), golden::few_plain.begin(), golden::few_plain.end());
  EXPECT_EQ(code_of(two), ErrorCode::invalid_record);
  EXPECT_EQ(code_of({}), ErrorCode::invalid_record);
  Records cut(golden::few_plain.begin(), golden::few_plain.end() - 1);
  EXPECT_EQ(code_of(cut), ErrorCode::invalid_record);
}

TEST(Validation, TakesNoOldFormat) {
  EXPECT_EQ(code_of(golden::magic0_plain), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(golden::magic1_gzip), ErrorCode::invalid_record);
}

TEST(Validation, FindsACorruptChecksum) {
  Records records = golden::few_plain;
  records.back() ^= 1;
  EXPECT_EQ(code_of(records), ErrorCode::corrupt_message);
}

TEST(Validation, SeesThroughALyingHeader) {
  using namespace batch_layout;
  const Records& few = golden::few_plain;
  EXPECT_EQ(code_of(with_field<int32_t>(few, kRecordCount, 2)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(with_field<int32_t>(few, kLastOffsetDelta, 3)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(with_field<int32_t>(few, kLastOffsetDelta, -1)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(with_field<int64_t>(few, kBaseOffset, 5)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(with_field<int16_t>(few, kAttributes, 0x20)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(with_field<int16_t>(few, kAttributes, 7)), ErrorCode::unsupported_compression_type);
  EXPECT_EQ(code_of(with_field<int64_t>(few, kProducerId, 9)), ErrorCode::invalid_record) << "no sequence";
  Records tiny = few;
  store_big_endian<int32_t>(tiny.data() + kLength, 10);
  EXPECT_EQ(code_of(tiny), ErrorCode::corrupt_message);
}

TEST(Validation, CountsTheRecordsThatAreReallyThere) {
  for (const auto* golden : {&golden::few_plain, &golden::few_gzip, &golden::few_zstd}) {
    for (int32_t count : {2, 4, INT32_MAX}) {
      auto records = lying(*golden, [&](Records& bytes) {
        store_big_endian(bytes.data() + batch_layout::kRecordCount, count);
        store_big_endian(bytes.data() + batch_layout::kLastOffsetDelta, count - 1);
      });
      EXPECT_EQ(code_of(records), ErrorCode::invalid_record) << count;
    }
  }
}

// length 7: attributes 0, timestamp delta 0, offset delta 0, key null, value of 1 byte 'x', no headers
const Records kRecord = {14, 0, 0, 0, 1, 2, 'x', 0};

TEST(Validation, ReadsARecordWrittenByHand) { EXPECT_EQ(code_of(with_payload(kRecord, 1)), ErrorCode::none); }

TEST(Validation, SeesThroughALyingRecord) {
  auto with_byte = [](size_t position, uint8_t value) {
    Records record = kRecord;
    record[position] = value;
    return with_payload(record, 1);
  };
  EXPECT_EQ(code_of(with_byte(0, 12)), ErrorCode::invalid_record) << "shorter than its fields";
  EXPECT_EQ(code_of(with_byte(0, 16)), ErrorCode::invalid_record) << "longer than its fields";
  EXPECT_EQ(code_of(with_byte(0, 1)), ErrorCode::invalid_record) << "negative length";
  EXPECT_EQ(code_of(with_byte(3, 2)), ErrorCode::invalid_record) << "offset delta 1";
  EXPECT_EQ(code_of(with_byte(4, 100)), ErrorCode::invalid_record) << "key beyond the end";
  EXPECT_EQ(code_of(with_byte(4, 3)), ErrorCode::invalid_record) << "key length -2";
  EXPECT_EQ(code_of(with_byte(5, 4)), ErrorCode::invalid_record) << "value over the header count";
  EXPECT_EQ(code_of(with_byte(7, 2)), ErrorCode::invalid_record) << "a header that is not there";
  EXPECT_EQ(code_of(with_byte(7, 1)), ErrorCode::invalid_record) << "-1 headers";
  Records endless = {14, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0};
  EXPECT_EQ(code_of(with_payload(endless, 1)), ErrorCode::invalid_record) << "a number of 11 bytes";
  Records huge_header_count = {20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f};
  EXPECT_EQ(code_of(with_payload(huge_header_count, 1)), ErrorCode::invalid_record);
}

TEST(Validation, SurvivesEveryByteOfARecordSetToAnything) {
  for (const auto* golden : {&golden::few_plain, &golden::few_snappy, &golden::few_lz4, &golden::few_gzip}) {
    for (size_t i = batch_layout::kHeaderSize; i < golden->size(); ++i) {
      for (uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        (void)code_of(lying(*golden, [&](Records& bytes) { bytes[i] = value; }));
      }
    }
  }
}

TEST(Validation, HoldsTheSizeLimitToTheByte) {
  ProduceRules rules = rules_at();
  rules.max_message_bytes = static_cast<uint32_t>(golden::few_plain.size());
  EXPECT_EQ(code_of(golden::few_plain, rules), ErrorCode::none);
  --rules.max_message_bytes;
  EXPECT_EQ(code_of(golden::few_plain, rules), ErrorCode::message_too_large);
}

TEST(Validation, BlamesTheRecordsWithoutAKeyOnACompactedTopic) {
  ProduceRules rules = rules_at();
  rules.needs_keys = true;
  Records records = golden::few_gzip;
  auto validation = validate_produced(records, rules);
  ASSERT_FALSE(validation.batch.ok());
  EXPECT_TRUE(validation.batch.error().is(ErrorCode::invalid_record));
  ASSERT_EQ(validation.record_errors.size(), 1u);
  EXPECT_EQ(validation.record_errors[0].batch_index, 1);
}

TEST(Validation, HoldsTimestampsWithinTheBounds) {
  ProduceRules rules = rules_at(golden::kTimestamp);
  rules.timestamp_after_max_ms = 4;
  Records records = golden::few_plain;
  auto validation = validate_produced(records, rules);
  ASSERT_FALSE(validation.batch.ok());
  EXPECT_TRUE(validation.batch.error().is(ErrorCode::invalid_timestamp));
  ASSERT_EQ(validation.record_errors.size(), 1u);
  EXPECT_EQ(validation.record_errors[0].batch_index, 1);

  rules.timestamp_after_max_ms = 5;
  EXPECT_EQ(code_of(golden::few_plain, rules), ErrorCode::none);
  rules.now_ms = golden::kTimestamp + 100;
  rules.timestamp_before_max_ms = 99;
  EXPECT_EQ(code_of(golden::few_plain, rules), ErrorCode::invalid_timestamp);
}

TEST(Validation, RefusesAppendTimeFromTheProducer) {
  auto records = lying(golden::few_plain, [](Records& bytes) { bytes[batch_layout::kAttributes + 1] |= 8; });
  ProduceRules rules = rules_at();
  rules.timestamp_type = TimestampType::log_append_time;
  EXPECT_EQ(code_of(records, rules), ErrorCode::invalid_timestamp);
}

TEST(Validation, CorrectsALyingMaximumTimestamp) {
  auto records = with_field<int64_t>(golden::few_plain, batch_layout::kMaxTimestamp, 1);
  auto validation = validate_produced(records, rules_at());
  ASSERT_TRUE(validation.batch.ok());
  EXPECT_EQ(validation.batch->view().max_timestamp(), golden::kTimestamp + 5);
  EXPECT_TRUE(validation.batch->view().is_intact());
}

TEST(Validation, MaximumIsThatOfTheRecordsWhereAClaimToAppendTimeIsDropped) {
  auto records = lying(golden::few_plain, [](Records& bytes) {
    bytes[batch_layout::kAttributes + 1] |= 8;
    store_big_endian<int64_t>(bytes.data() + batch_layout::kMaxTimestamp, golden::kTimestamp + 777);
  });
  auto validation = validate_produced(records, rules_at());
  ASSERT_TRUE(validation.batch.ok());
  EXPECT_EQ(validation.batch->max_timestamp, golden::kTimestamp + 5);
  EXPECT_EQ(records, golden::few_plain);
}

TEST(Validation, StampsTheAppendTime) {
  ProduceRules rules = rules_at(123456);
  rules.timestamp_type = TimestampType::log_append_time;
  Records records = golden::few_lz4;
  auto validation = validate_produced(records, rules);
  ASSERT_TRUE(validation.batch.ok());
  EXPECT_EQ(validation.batch->log_append_time, 123456);
  EXPECT_EQ(validation.batch->view().max_timestamp(), 123456);
  EXPECT_EQ(validation.batch->view().timestamp_type(), TimestampType::log_append_time);
  EXPECT_TRUE(validation.batch->view().is_intact());
}

TEST(Validation, RefusesZstdFromOldRequests) {
  ProduceRules rules = rules_at();
  rules.allows_zstd = false;
  EXPECT_EQ(code_of(golden::few_zstd, rules), ErrorCode::unsupported_compression_type);
}

TEST(Validation, StopsADecompressionBombAtTheBound) {
  std::string value(32 << 20, '\0');
  for (Compression codec : {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd}) {
    Buffer bomb = BatchBuilder({.codec = codec}).add(golden::kTimestamp, "k", value).build();
    Records records(bomb.data(), bomb.data() + bomb.size());
    ProduceRules rules = rules_at();
    rules.max_message_bytes = 64 << 20;
    EXPECT_EQ(code_of(records, rules), ErrorCode::none);
    rules.max_plain_size = 1 << 20;
    EXPECT_EQ(code_of(records, rules), ErrorCode::message_too_large);
  }
}

}  // namespace
}  // namespace gregor
