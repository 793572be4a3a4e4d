#include "broker/record/recompression.h"

#include "broker/record/builder.h"
#include "broker/record/conversion.h"
#include "golden_batches.h"
#include "golden_messages.h"
#include "legacy_fixture.h"

namespace gregor {
namespace {

constexpr Compression kCodecs[] = {Compression::none, Compression::gzip, Compression::snappy, Compression::lz4,
                                   Compression::zstd};

ProduceRules stored_in(Compression codec, int level = kDefaultLevel) {
  ProduceRules rules;
  rules.now_ms = golden::kTimestamp;
  rules.stored_in = CompressionTarget{codec, level};
  return rules;
}

/// Every field of the header but length, checksum and attributes, which a rewriting changes.
ByteVector unchanged_header(Bytes batch) {
  using namespace batch_layout;
  ByteVector fields = to_vector(batch.first(kLength));
  for (size_t i = kLeaderEpoch; i < kCrc; ++i) fields.push_back(batch[i]);
  for (size_t i = kLastOffsetDelta; i < kHeaderSize; ++i) fields.push_back(batch[i]);
  return fields;
}

ByteVector plain_payload(const BatchView& batch) {
  return to_vector(decompress(batch.compression(), batch.payload(), 1 << 24)->view());
}

TEST(Recompression, ChangesTheCodecAndNothingElse) {
  for (const auto* sent : {&golden::few_plain, &golden::few_gzip, &golden::few_snappy, &golden::few_lz4,
                           &golden::many_zstd, &golden::idempotent}) {
    for (Compression codec : kCodecs) {
      auto rewritten = recompress(*sent, stored_in(codec));
      ASSERT_TRUE(rewritten);
      auto before = BatchView::probe(*sent);
      auto after = BatchView::probe(rewritten->view());
      ASSERT_TRUE(after && after->is_intact() && after->size() == rewritten->size());
      EXPECT_EQ(after->compression(), codec);
      EXPECT_EQ(after->is_transactional(), before->is_transactional());
      EXPECT_EQ(unchanged_header(rewritten->view()), unchanged_header(*sent));
      EXPECT_EQ(plain_payload(*after), plain_payload(*before));
      EXPECT_TRUE(validate_produced(rewritten->span(), stored_in(codec)).batch.ok());
    }
  }
}

TEST(Recompression, IsAskedForWhereTheCodecDiffers) {
  EXPECT_FALSE(needs_recompression(golden::few_gzip, std::nullopt)) << "compression.type=producer";
  EXPECT_FALSE(needs_recompression(golden::few_gzip, CompressionTarget{Compression::gzip, 9})) << "whatever level";
  EXPECT_TRUE(needs_recompression(golden::few_gzip, CompressionTarget{Compression::none}));
  EXPECT_TRUE(needs_recompression(golden::few_plain, CompressionTarget{Compression::zstd}));
  EXPECT_FALSE(needs_recompression(golden::messages_1_gzip, CompressionTarget{Compression::zstd}));
  EXPECT_FALSE(needs_recompression({}, CompressionTarget{Compression::zstd}));
}

TEST(Recompression, LeavesToTheValidationWhatIsNotSound) {
  auto damaged = golden::few_gzip;
  damaged.back() ^= 1;
  EXPECT_FALSE(recompress(damaged, stored_in(Compression::lz4)));
  patch_crc(damaged);
  EXPECT_FALSE(recompress(damaged, stored_in(Compression::lz4))) << "gzip's own checksum is wrong";
  EXPECT_FALSE(recompress(golden::messages_1_plain, stored_in(Compression::lz4)));
  ByteVector two = golden::few_gzip;
  two.insert(two.end(), golden::few_gzip.begin(), golden::few_gzip.end());
  EXPECT_FALSE(recompress(two, stored_in(Compression::lz4)));
  for (size_t size = 0; size < golden::few_gzip.size(); ++size) {
    EXPECT_FALSE(recompress(Bytes(golden::few_gzip).first(size), stored_in(Compression::lz4)));
  }
}

TEST(Recompression, KeepsTheBoundsOfProducing) {
  ProduceRules rules = stored_in(Compression::lz4);
  rules.allows_zstd = false;
  EXPECT_FALSE(recompress(golden::few_zstd, rules));
  EXPECT_TRUE(recompress(golden::few_gzip, rules));
  rules.max_message_bytes = static_cast<uint32_t>(golden::few_gzip.size() - 1);
  EXPECT_FALSE(recompress(golden::few_gzip, rules));
  rules = stored_in(Compression::lz4);
  rules.max_plain_size = 10;
  EXPECT_FALSE(recompress(golden::few_gzip, rules));
}

TEST(Recompression, OutgrowsTheLimitWhereValidationSeesIt) {
  std::string zeros(100'000, '\0');
  Buffer sent = BatchBuilder({.codec = Compression::gzip}).add(golden::kTimestamp, "k", zeros).build();
  ProduceRules rules = stored_in(Compression::none);
  rules.max_message_bytes = 50'000;
  auto rewritten = recompress(sent.view(), rules);
  ASSERT_TRUE(rewritten);
  EXPECT_EQ(code_of(validate_produced(rewritten->span(), rules).batch), ErrorCode::message_too_large);
}

TEST(Recompression, DropsAttributesThatOnlyTheCleanerSets) {
  auto sent = golden::few_gzip;
  sent[batch_layout::kAttributes] |= 0x80;
  sent[batch_layout::kAttributes + 1] |= 0x40;
  patch_crc(sent);
  auto rewritten = recompress(sent, stored_in(Compression::lz4));
  ASSERT_TRUE(rewritten);
  EXPECT_FALSE(BatchView::probe(rewritten->view())->has_delete_horizon());
  EXPECT_EQ(rewritten->view()[batch_layout::kAttributes], 0);
}

TEST(Recompression, KeepsTheClaimOfAppendTimeForValidationToRefuse) {
  auto sent = golden::few_gzip;
  patch_max_timestamp(sent, TimestampType::log_append_time, golden::kTimestamp);
  auto rewritten = recompress(sent, stored_in(Compression::lz4));
  ASSERT_TRUE(rewritten);
  ProduceRules rules = stored_in(Compression::lz4);
  rules.timestamp_type = TimestampType::log_append_time;
  EXPECT_EQ(code_of(validate_produced(rewritten->span(), rules).batch), ErrorCode::invalid_timestamp);
}

TEST(UpConversion, CompressesWithWhatTheTopicWants) {
  for (const auto* set : {&golden::messages_0_plain, &golden::messages_0_lz4, &golden::messages_1_plain,
                          &golden::messages_1_gzip, &golden::messages_1_snappy}) {
    for (Compression codec : kCodecs) {
      UpConversionRules rules;
      rules.stored_in = CompressionTarget{codec};
      auto converted = convert_up(*set, rules);
      ASSERT_TRUE(converted.ok()) << converted.error().message;
      auto batch = BatchView::probe(converted->view());
      EXPECT_EQ(batch->compression(), codec);
      EXPECT_EQ(*read_all(RecordReader::open(*batch)), must_read_messages(*set));
      EXPECT_TRUE(validate_produced(converted->span(), stored_in(codec)).batch.ok());
    }
  }
}

}  // namespace
}  // namespace gregor
