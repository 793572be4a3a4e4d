#include "broker/record/legacy_builder.h"
#include "broker/record/legacy_lz4.h"
#include "golden_batches.h"
#include "golden_messages.h"
#include "legacy_fixture.h"

namespace gregor {
namespace {

constexpr Compression kCodecs[] = {Compression::none, Compression::gzip, Compression::snappy, Compression::lz4};

std::string long_value() {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "first";
  return value;
}

std::vector<Plain> few(int8_t magic) {
  std::vector<Plain> records = {{0, golden::kTimestamp, "a", long_value()},
                                {1, golden::kTimestamp + 5, std::nullopt, "no key"},
                                {2, golden::kTimestamp + 3, "b", std::nullopt},
                                {3, golden::kTimestamp + 4, "", ""}};
  if (magic == 1) return records;
  for (Plain& record : records) record.timestamp = kNoTimestamp;
  return records;
}

ByteVector built(const LegacyOptions& options, const std::vector<Plain>& records) {
  LegacyBuilder builder(options);
  auto bytes = [](const std::optional<std::string>& text) -> std::optional<Bytes> {
    if (!text) return std::nullopt;
    return as_bytes(*text);
  };
  for (const Plain& record : records) {
    builder.add(Offset(record.offset), record.timestamp, bytes(record.key), bytes(record.value));
  }
  return to_vector(builder.build().view());
}

TEST(LegacyReader, ReadsWhatKafkaPythonWroteInEveryCodec) {
  for (const auto* golden :
       {&golden::messages_0_plain, &golden::messages_0_gzip, &golden::messages_0_snappy, &golden::messages_0_lz4}) {
    EXPECT_EQ(must_read_messages(*golden), few(0));
  }
  for (const auto* golden :
       {&golden::messages_1_plain, &golden::messages_1_gzip, &golden::messages_1_snappy, &golden::messages_1_lz4}) {
    EXPECT_EQ(must_read_messages(*golden), few(1));
  }
}

TEST(LegacyReader, TakesOffsetsInsideAWrapperOfMagicOneAsRelative) {
  auto stored = golden::messages_1_gzip;
  store_big_endian<int64_t>(stored.data(), 103);
  auto records = must_read_messages(stored);
  EXPECT_EQ(records.front().offset, 100);
  EXPECT_EQ(records.back().offset, 103);
}

TEST(LegacyReader, TakesOffsetsInsideAWrapperOfMagicZeroAsAbsolute) {
  auto stored = golden::messages_0_gzip;
  store_big_endian<int64_t>(stored.data(), 103);
  EXPECT_EQ(must_read_messages(stored).back().offset, 3);
}

TEST(LegacyReader, GivesEveryMessageTheAppendTimeOfItsWrapper) {
  LegacyOptions options{1, Compression::snappy, TimestampType::log_append_time};
  auto stored = built(options, {{5, 77, "k", "v"}, {6, 77, "k", "w"}});
  store_big_endian<int64_t>(stored.data() + 18, 99);
  patch_message_crc(stored);
  for (const Plain& record : must_read_messages(stored)) EXPECT_EQ(record.timestamp, 99);
}

TEST(LegacyReader, FailsAtEveryTruncation) {
  for (const auto* golden : {&golden::messages_0_lz4, &golden::messages_1_snappy, &golden::messages_1_gzip}) {
    for (size_t size = 1; size < golden->size(); ++size) {
      EXPECT_EQ(code_of(read_messages(Bytes(*golden).first(size))), ErrorCode::invalid_record) << size;
    }
  }
}

TEST(LegacyReader, FailsAtEveryTruncationInsideAWrapper) {
  for (const auto* golden : {&golden::messages_0_plain, &golden::messages_1_plain}) {
    auto magic = static_cast<int8_t>((*golden)[batch_layout::kMagic]);
    for (size_t size = 0; size < golden->size(); ++size) {
      auto records = read_messages(wrapper(magic, Bytes(*golden).first(size), kCodecs[1 + size % 3]));
      if (records.ok()) {
        EXPECT_LT(records->size(), 4u) << "the cut lies between two messages";
      } else {
        EXPECT_EQ(code_of(records), ErrorCode::invalid_record) << size;
      }
    }
  }
}

TEST(LegacyReader, SeesEveryFlippedBitBehindTheSize) {
  for (const auto* golden : {&golden::messages_0_gzip, &golden::messages_1_lz4, &golden::messages_1_snappy}) {
    for (size_t i = batch_layout::kPrefixSize; i < golden->size(); ++i) {
      auto damaged = *golden;
      damaged[i] ^= 0x04;
      EXPECT_NE(code_of(read_messages(damaged)), ErrorCode::none) << i;
    }
  }
}

TEST(LegacyReader, SurvivesAnyByteBehindAChecksumThatCoversForIt) {
  for (const auto* golden : {&golden::messages_0_gzip, &golden::messages_0_lz4, &golden::messages_1_lz4,
                             &golden::messages_1_snappy, &golden::messages_1_gzip}) {
    for (size_t i = batch_layout::kMagic; i < golden->size(); ++i) {
      for (uint8_t flip : {0x01, 0x80, 0xff}) {
        auto damaged = *golden;
        damaged[i] ^= flip;
        patch_message_crc(damaged);
        auto records = read_messages(damaged);
        if (!records.ok()) {
          EXPECT_NE(code_of(records), ErrorCode::unknown_server_error) << i;
        }
      }
    }
  }
}

TEST(LegacyReader, ChecksTheMessagesInsideAWrapper) {
  const auto& plain = golden::messages_1_plain;
  EXPECT_EQ(code_of(read_messages(wrapper(1, plain))), ErrorCode::none);
  for (size_t i = batch_layout::kPrefixSize; i < plain.size(); ++i) {
    auto damaged = plain;
    damaged[i] ^= 0x20;
    auto records = read_messages(wrapper(1, damaged));
    if (records.ok()) {
      EXPECT_NE(*records, few(1)) << "an offset is outside the checksum" << i;
    }
  }
  auto damaged = plain;
  damaged.back() ^= 1;  // the length of the last value
  EXPECT_EQ(code_of(read_messages(wrapper(1, damaged))), ErrorCode::corrupt_message);
}

TEST(LegacyReader, RefusesWrappersThatHoldTheWrongThings) {
  auto outcome = [](const ByteVector& bytes) { return code_of(read_messages(bytes)); };
  EXPECT_EQ(outcome(wrapper(1, golden::messages_1_gzip)), ErrorCode::invalid_record) << "another wrapper";
  EXPECT_EQ(outcome(wrapper(1, golden::messages_0_plain)), ErrorCode::invalid_record) << "another magic";
  EXPECT_EQ(outcome(wrapper(0, golden::few_plain)), ErrorCode::invalid_record) << "magic 2";
  EXPECT_EQ(outcome(wrapper(0, {})), ErrorCode::invalid_record) << "nothing";
  EXPECT_EQ(outcome(wrapper(0, golden::messages_0_plain, Compression::zstd)), ErrorCode::invalid_record) << "zstd";
  const uint8_t null_key_and_value[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(outcome(message(0, 1, null_key_and_value)), ErrorCode::invalid_record) << "null";
  EXPECT_EQ(outcome(message(0, 5, null_key_and_value)), ErrorCode::unsupported_compression_type);
  EXPECT_EQ(outcome(wrapper(1, golden::messages_1_plain, Compression::gzip, 2)), ErrorCode::invalid_record)
      << "the wrapper's offset is below the last inner one";
}

TEST(LegacyReader, RefusesKeysAndValuesThatDoNotFillTheMessage) {
  for (const ByteVector& body :
       {ByteVector{0, 0, 0, 9, 'k', 0, 0, 0, 0}, ByteVector{0, 0, 0, 0, 0, 0, 0, 0, 7},
        ByteVector{0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0}, ByteVector{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}}) {
    EXPECT_EQ(code_of(read_messages(message(0, 0, body))), ErrorCode::invalid_record);
  }
}

TEST(LegacyReader, StopsABombAtTheBound) {
  ByteVector zeros(64 << 20);
  for (Compression codec : {Compression::gzip, Compression::snappy, Compression::lz4}) {
    EXPECT_EQ(code_of(read_messages(wrapper(1, zeros, codec), 1 << 20)), ErrorCode::message_too_large);
  }
}

TEST(TakeMessage, NamesWhatCannotBe) {
  auto changed = [](size_t position, uint8_t byte) {
    auto bytes = golden::messages_1_plain;
    bytes[position] = byte;
    return code_of(read_messages(bytes));
  };
  EXPECT_EQ(changed(batch_layout::kMagic, 3), ErrorCode::corrupt_message);
  EXPECT_EQ(changed(batch_layout::kMagic, 0x80), ErrorCode::corrupt_message);
  EXPECT_EQ(changed(batch_layout::kMagic, 2), ErrorCode::invalid_record);
  EXPECT_EQ(changed(batch_layout::kLength, 0xff), ErrorCode::corrupt_message) << "negative";
  EXPECT_EQ(changed(batch_layout::kLength, 0x7f), ErrorCode::invalid_record) << "beyond the end";
  EXPECT_EQ(code_of(read_messages(golden::few_plain)), ErrorCode::invalid_record);
}

TEST(LegacyBuilder, MakesTheBytesThatKafkaPythonMakes) {
  EXPECT_EQ(built({0, Compression::none}, few(0)), golden::messages_0_plain);
  EXPECT_EQ(built({1, Compression::none}, few(1)), golden::messages_1_plain);
}

TEST(LegacyBuilder, KeepsGapsBetweenOffsets) {
  std::vector<Plain> records = {{10, 5, "a", "1"}, {13, 9, "b", "2"}, {17, 7, "c", "3"}};
  for (Compression codec : kCodecs) {
    auto bytes = built({1, codec}, records);
    EXPECT_EQ(must_read_messages(bytes), records);
    if (codec == Compression::none) continue;
    EXPECT_EQ(BatchView::probe(bytes)->last_offset(), Offset(17));
    EXPECT_EQ(BatchView::probe(bytes)->max_timestamp(), 9);
  }
}

TEST(LegacyBuilder, MakesNothingOfNothing) {
  EXPECT_TRUE(built({0, Compression::none}, {}).empty());
  EXPECT_TRUE(built({1, Compression::lz4}, {}).empty());
}

TEST(Lz4Checksum, IsTheOneThatOldKafkaWroteInMagicZero) {
  constexpr size_t kFrame = batch_layout::kMagic + 2 + 8;  // behind a null key and the value's length
  auto old = ByteVector(golden::messages_0_lz4.begin() + kFrame, golden::messages_0_lz4.end());
  auto frame = old;
  EXPECT_FALSE(decompress(Compression::lz4, frame, 1 << 20).ok());
  set_lz4_checksum(frame, Lz4Checksum::standard);
  EXPECT_TRUE(decompress(Compression::lz4, frame, 1 << 20).ok());
  set_lz4_checksum(frame, Lz4Checksum::of_magic_0);
  EXPECT_EQ(frame, old);
}

TEST(Lz4Checksum, LeavesBytesAloneThatHaveNone) {
  for (size_t size = 0; size < 7; ++size) {
    ByteVector bytes(size, 0xff);
    set_lz4_checksum(bytes, Lz4Checksum::standard);
    EXPECT_EQ(bytes, ByteVector(size, 0xff));
  }
}

}  // namespace
}  // namespace gregor
