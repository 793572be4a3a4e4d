#include "broker/record/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <string>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

std::string sample(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  return text;
}

class EveryCodec : public testing::TestWithParam<Compression> {};

TEST_P(EveryCodec, GivesBackWhatWasCompressed) {
  for (size_t size : {0, 1, 100, 40000, 300000}) {
    std::string text = sample(size);
    Buffer compressed = compress({GetParam()}, as_bytes(text));
    auto plain = decompress({GetParam()}, compressed.view(), 1 << 20);
    ASSERT_TRUE(plain.ok()) << plain.error().message;
    EXPECT_EQ(as_text(plain->view()), text);
  }
}

TEST_P(EveryCodec, RefusesCutOffData) {
  std::string text = sample(5000);
  Buffer compressed = compress({GetParam()}, as_bytes(text));
  for (size_t size : {size_t{20}, compressed.size() / 2, compressed.size() - 5}) {
    auto plain = decompress({GetParam()}, compressed.view().first(size), 1 << 20);
    EXPECT_TRUE(!plain.ok() && plain.error().is(ErrorCode::invalid_record)) << size;
  }
}

TEST_P(EveryCodec, StopsABombAtTheBound) {
  std::string zeros(64 << 20, '\0');
  Buffer bomb = compress({GetParam()}, as_bytes(zeros));
  auto plain = decompress({GetParam()}, bomb.view(), 1 << 20);
  ASSERT_FALSE(plain.ok());
  EXPECT_TRUE(plain.error().is(ErrorCode::message_too_large));
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec,
                         testing::Values(Compression::gzip, Compression::snappy, Compression::lz4,
                                         Compression::zstd),
                         [](const auto& codec) { return std::string(name_of(codec.param)); });

TEST(Snappy, ReadsARawBlockAsClientsWithoutXerialFramingSendIt) {
  std::string text = sample(100000);
  std::string raw;
  snappy::Compress(text.data(), text.size(), &raw);
  auto plain = decompress(Compression::snappy, as_bytes(raw), 1 << 20);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(as_text(plain->view()), text);
}

TEST(Snappy, DoesNotReserveMemoryForALengthThatCannotBe) {
  const uint8_t claims_two_gib[] = {0xff, 0xff, 0xff, 0xff, 0x07, 0x00};
  EXPECT_FALSE(decompress(Compression::snappy, claims_two_gib, 1 << 20).ok());
}

TEST(Gzip, ReadsMembersPutOneBehindTheOther) {
  Buffer both = compress({Compression::gzip}, as_bytes("one "));
  both.append(compress({Compression::gzip}, as_bytes("two")).view());
  EXPECT_EQ(as_text(decompress({Compression::gzip}, both.view(), 100)->view()), "one two");
}

TEST(Compression, HeedsLevels) {
  std::string text = sample(200'000);
  auto size_at = [&](Compression codec, int level) {
    Buffer compressed = compress({codec, level}, as_bytes(text));
    auto plain = decompress(codec, compressed.view(), 1 << 20);
    EXPECT_TRUE(plain.ok() && as_text(plain->view()) == text) << name_of(codec) << " " << level;
    return compressed.size();
  };
  EXPECT_LT(size_at(Compression::gzip, 9), size_at(Compression::gzip, 1));
  EXPECT_EQ(size_at(Compression::gzip, -1), size_at(Compression::gzip, 6));
  EXPECT_LT(size_at(Compression::zstd, 3), size_at(Compression::zstd, -50));
  EXPECT_LT(size_at(Compression::zstd, -50), size_at(Compression::zstd, -131072));
  EXPECT_LT(size_at(Compression::lz4, 17), size_at(Compression::lz4, 9)) << "9 is the fast one";
  EXPECT_LT(size_at(Compression::lz4, 8), size_at(Compression::lz4, 9));
  EXPECT_EQ(size_at(Compression::lz4, kDefaultLevel), size_at(Compression::lz4, 9));
  for (int level : {1, 2, 3, 10, 12}) size_at(Compression::lz4, level);
}

// The frame descriptor that Kafka's Lz4BlockOutputStream writes, and all that older ones of its readers understand.
TEST(Compression, WritesLz4FramesOfIndependentSmallBlocks) {
  for (size_t size : {1, 200'000}) {
    for (int level : {1, 9, 17}) {
      Buffer frame = compress({Compression::lz4, level}, as_bytes(sample(size)));
      const uint8_t descriptor[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40};
      EXPECT_TRUE(std::equal(std::begin(descriptor), std::end(descriptor), frame.data()));
    }
  }
}

}  // namespace
}  // namespace gregor
