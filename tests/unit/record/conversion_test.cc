#include "broker/record/conversion.h"

#include "broker/record/builder.h"
#include "broker/record/legacy_builder.h"
#include "broker/record/validation.h"
#include "golden_batches.h"
#include "golden_messages.h"
#include "legacy_fixture.h"

namespace gregor {
namespace {

constexpr Compression kCodecs[] = {Compression::none, Compression::gzip, Compression::snappy, Compression::lz4};

std::vector<Plain> records_of(const Buffer& batch) {
  auto view = BatchView::probe(batch.view());
  EXPECT_TRUE(view && view->magic() == 2 && view->is_intact() && view->size() == batch.size());
  auto records = read_all(RecordReader::open(*view));
  EXPECT_TRUE(records.ok());
  return *records;
}

ErrorCode refusal(Bytes message_set, UpConversionRules rules = {}) {
  return code_of(convert_up(message_set, rules));
}

/// `count` records from `base_offset` on, as a producer of today wrote them.
ByteVector batch(Compression codec, int count, int64_t base_offset = 0, BatchOptions options = {}) {
  options.codec = codec;
  options.base_offset = Offset(base_offset);
  BatchBuilder builder(options);
  const RecordHeader headers[] = {{"trace", "42"}};
  for (int i = 0; i < count; ++i) {
    builder.add(golden::kTimestamp + i, "key", "value " + std::to_string(base_offset + i), headers);
  }
  return to_vector(builder.build().view());
}

ByteVector down(Bytes batches, const DownConversionRules& rules = {}) {
  auto converted = convert_down(batches, rules);
  EXPECT_TRUE(converted.ok()) << converted.error().message;
  return converted.ok() ? to_vector(converted->view()) : ByteVector();
}

std::vector<int64_t> offsets(Bytes message_set) {
  std::vector<int64_t> offsets;
  for (const Plain& record : must_read_messages(message_set)) offsets.push_back(record.offset);
  return offsets;
}

TEST(UpConversion, MakesOneSoundBatchOfEverySet) {
  const std::pair<const ByteVector*, Compression> sets[] = {
      {&golden::messages_0_plain, Compression::none},    {&golden::messages_0_gzip, Compression::gzip},
      {&golden::messages_0_snappy, Compression::snappy}, {&golden::messages_0_lz4, Compression::lz4},
      {&golden::messages_1_plain, Compression::none},    {&golden::messages_1_gzip, Compression::gzip},
      {&golden::messages_1_snappy, Compression::snappy}, {&golden::messages_1_lz4, Compression::lz4}};
  for (const auto& [set, codec] : sets) {
    auto converted = convert_up(*set, {});
    ASSERT_TRUE(converted.ok()) << converted.error().message;
    EXPECT_EQ(BatchView::probe(converted->view())->compression(), codec);
    EXPECT_EQ(records_of(*converted), must_read_messages(*set));
    ProduceRules rules;
    rules.now_ms = golden::kTimestamp;
    EXPECT_TRUE(validate_produced(converted->span(), rules).batch.ok());
  }
}

TEST(UpConversion, CountsOffsetsFromZeroWhateverWasSent) {
  auto set = golden::messages_0_plain;
  store_big_endian<int64_t>(set.data(), 4711);
  auto converted = convert_up(set, {});
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(records_of(*converted).front().offset, 0);
}

TEST(UpConversion, KeepsTheClaimOfAppendTimeForValidationToRefuse) {
  LegacyBuilder builder({1, Compression::none, TimestampType::log_append_time});
  builder.add(Offset(0), golden::kTimestamp, std::nullopt, as_bytes("v"));
  auto converted = convert_up(builder.build().view(), {});
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(BatchView::probe(converted->view())->timestamp_type(), TimestampType::log_append_time);
}

TEST(UpConversion, RefusesSetsThatKafkaRefuses) {
  const auto& plain = golden::messages_1_plain;
  const auto& gzip = golden::messages_1_gzip;
  EXPECT_EQ(refusal(joined(gzip, gzip)), ErrorCode::invalid_record) << "two wrappers";
  EXPECT_EQ(refusal(joined(plain, gzip)), ErrorCode::invalid_record) << "a wrapper behind messages";
  EXPECT_EQ(refusal(joined(gzip, plain)), ErrorCode::invalid_record) << "messages behind a wrapper";
  EXPECT_EQ(refusal(joined(plain, golden::messages_0_plain)), ErrorCode::invalid_record) << "mixed magic";
  EXPECT_EQ(refusal(joined(plain, golden::few_plain)), ErrorCode::invalid_record) << "mixed with magic 2";
  EXPECT_EQ(refusal({}), ErrorCode::invalid_record) << "nothing";
}

TEST(UpConversion, NamesACorruptMessageWhereverItIs) {
  auto damaged = golden::messages_1_plain;
  damaged.back() ^= 1;
  EXPECT_EQ(refusal(damaged), ErrorCode::corrupt_message);
  EXPECT_EQ(refusal(wrapper(1, damaged)), ErrorCode::corrupt_message);
}

TEST(UpConversion, BoundsMessagesAndWhatTheyDecompressTo) {
  UpConversionRules rules;
  rules.max_message_bytes = 100;
  EXPECT_EQ(refusal(golden::messages_1_plain, rules), ErrorCode::message_too_large);
  rules = {};
  rules.max_plain_size = 100;
  EXPECT_EQ(refusal(golden::messages_1_gzip, rules), ErrorCode::message_too_large);
}

TEST(UpConversion, RefusesNegativeTimestampsAndBearsTheLargest) {
  for (auto [timestamp, code] : {std::pair{int64_t{-2}, ErrorCode::invalid_timestamp},
                                 std::pair{std::numeric_limits<int64_t>::min(), ErrorCode::invalid_timestamp},
                                 std::pair{std::numeric_limits<int64_t>::max(), ErrorCode::none}}) {
    LegacyBuilder builder(LegacyOptions{});
    builder.add(Offset(0), kNoTimestamp, std::nullopt, as_bytes("v"));
    builder.add(Offset(1), timestamp, std::nullopt, as_bytes("v"));
    Buffer set = builder.build();
    EXPECT_EQ(refusal(set.view()), code);
    if (code == ErrorCode::none) {
      EXPECT_EQ(records_of(*convert_up(set.view(), {})).back().timestamp, timestamp);
    }
  }
}

TEST(UpConversion, FailsAtEveryTruncationButBetweenMessages) {
  for (const auto* golden : {&golden::messages_0_plain, &golden::messages_1_plain, &golden::messages_1_lz4}) {
    for (size_t size = 0; size < golden->size(); ++size) {
      auto converted = convert_up(Bytes(*golden).first(size), {});
      if (converted.ok()) {
        EXPECT_LT(records_of(*converted).size(), 4u) << size;
      } else {
        EXPECT_EQ(code_of(converted), ErrorCode::invalid_record) << size;
      }
    }
  }
}

TEST(DownConversion, MakesTheBytesThatKafkaPythonMakes) {
  EXPECT_EQ(down(golden::few_plain, {.to_magic = 0, .first_wanted = {}}), golden::magic0_plain);
  EXPECT_EQ(down(golden::few_plain, {.to_magic = 1, .first_wanted = {}}), golden::magic1_plain);
}

TEST(DownConversion, UndoesUpConversionInEveryCodec) {
  for (const auto* set :
       {&golden::messages_0_plain, &golden::messages_0_gzip, &golden::messages_0_snappy, &golden::messages_0_lz4,
        &golden::messages_1_plain, &golden::messages_1_gzip, &golden::messages_1_snappy, &golden::messages_1_lz4}) {
    auto magic = static_cast<int8_t>((*set)[batch_layout::kMagic]);
    auto up = convert_up(*set, {});
    ASSERT_TRUE(up.ok());
    auto back = down(up->view(), {.to_magic = magic, .first_wanted = {}});
    EXPECT_EQ(must_read_messages(back), must_read_messages(*set));
    EXPECT_EQ(BatchView::probe(back)->compression(), BatchView::probe(*set)->compression());
  }
}

TEST(DownConversion, KeepsOffsetsOverBatchesAndDropsHeaders) {
  for (int8_t magic : {0, 1}) {
    for (Compression codec : kCodecs) {
      auto stored = joined(batch(codec, 3, 100), batch(Compression::none, 2, 103));
      auto set = down(stored, {.to_magic = magic, .first_wanted = Offset(100)});
      EXPECT_EQ(offsets(set), (std::vector<int64_t>{100, 101, 102, 103, 104}));
      Plain last{104, magic == 1 ? golden::kTimestamp + 1 : kNoTimestamp, "key", "value 104"};
      EXPECT_EQ(must_read_messages(set).back(), last);
    }
  }
}

TEST(DownConversion, LeavesOutPlainRecordsBeforeTheFirstWanted) {
  DownConversionRules rules{.to_magic = 1, .first_wanted = Offset(12)};
  EXPECT_EQ(offsets(down(batch(Compression::none, 5, 10), rules)), (std::vector<int64_t>{12, 13, 14}));
  EXPECT_EQ(offsets(down(batch(Compression::gzip, 5, 10), rules)), (std::vector<int64_t>{10, 11, 12, 13, 14}))
      << "a wrapper stays whole, the consumer skips";
}

TEST(DownConversion, LeavesOutControlBatches) {
  BatchOptions control;
  control.is_control = control.is_transactional = true;
  auto stored = joined(batch(Compression::none, 1, 7, control), batch(Compression::none, 1, 8));
  EXPECT_EQ(offsets(down(stored)), std::vector<int64_t>{8});
  EXPECT_TRUE(down(batch(Compression::none, 1, 7, control)).empty());
}

TEST(DownConversion, GivesEveryRecordTheAppendTime) {
  for (Compression codec : kCodecs) {
    auto stored = batch(codec, 3);
    patch_max_timestamp(stored, TimestampType::log_append_time, 777);
    auto set = down(stored);
    EXPECT_EQ(BatchView::probe(set)->timestamp_type(), TimestampType::log_append_time);
    EXPECT_EQ(BatchView::probe(set)->max_timestamp(), 777);
    for (const Plain& record : must_read_messages(set)) EXPECT_EQ(record.timestamp, 777);
    EXPECT_EQ(down(stored, {.to_magic = 0, .first_wanted = {}})[batch_layout::kMagic + 1],
              static_cast<uint8_t>(codec))
        << "magic 0 has no timestamp type";
  }
}

TEST(DownConversion, EndsBeforeWhatItCannotConvertAndNamesItWhereItIsFirst) {
  auto zstd = batch(Compression::zstd, 2, 1);
  EXPECT_EQ(code_of(convert_down(zstd, {})), ErrorCode::unsupported_compression_type);
  EXPECT_EQ(offsets(down(joined(batch(Compression::none, 1), zstd))), std::vector<int64_t>{0});
  auto damaged = batch(Compression::gzip, 2, 1);
  damaged.back() ^= 1;
  EXPECT_EQ(code_of(convert_down(damaged, {})), ErrorCode::corrupt_message);
  EXPECT_EQ(offsets(down(joined(batch(Compression::none, 1), damaged))), std::vector<int64_t>{0});
}

TEST(DownConversion, KeepsToTheSizeButForTheFirstBatch) {
  auto stored = joined(joined(batch(Compression::none, 2, 0), batch(Compression::none, 2, 2)),
                       batch(Compression::none, 2, 4));
  size_t one = down(batch(Compression::none, 2, 0)).size();
  EXPECT_EQ(offsets(down(stored, {.first_wanted = {}, .max_size = 1})).size(), 2u);
  EXPECT_EQ(offsets(down(stored, {.first_wanted = {}, .max_size = 2 * one})).size(), 4u);
  EXPECT_EQ(offsets(down(stored, {.first_wanted = {}, .max_size = 3 * one - 1})).size(), 4u);
}

TEST(DownConversion, CopiesWhatIsOldEnoughAndRewritesMagicOneForMagicZero) {
  EXPECT_EQ(down(golden::messages_1_lz4), golden::messages_1_lz4);
  EXPECT_EQ(down(golden::messages_0_gzip), golden::messages_0_gzip);
  auto stored = golden::messages_1_lz4;
  store_big_endian<int64_t>(stored.data(), 53);
  auto set = down(stored, {.to_magic = 0, .first_wanted = {}});
  EXPECT_EQ(BatchView::probe(set)->magic(), 0);
  EXPECT_EQ(offsets(set), (std::vector<int64_t>{50, 51, 52, 53}));
}

TEST(DownConversion, LeavesOutABatchThatIsCutOffAtAnyByte) {
  auto first = batch(Compression::snappy, 2);
  auto stored = joined(first, batch(Compression::lz4, 2, 2));
  for (size_t size = 0; size < stored.size(); ++size) {
    size_t expected = size < first.size() ? 0 : 2;
    EXPECT_EQ(offsets(down(Bytes(stored).first(size))).size(), expected) << size;
  }
}

TEST(DownConversion, SurvivesAnyByteBehindAChecksumThatCoversForIt) {
  for (Compression codec : kCodecs) {
    auto sound = batch(codec, 3, 5);
    for (size_t i = 0; i < sound.size(); ++i) {
      for (uint8_t flip : {0x01, 0x80, 0xff}) {
        auto damaged = sound;
        damaged[i] ^= flip;
        patch_crc(damaged);
        auto converted = convert_down(damaged, {});
        if (!converted.ok()) {
          EXPECT_NE(code_of(converted), ErrorCode::unknown_server_error) << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace gregor
