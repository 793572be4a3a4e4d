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
    Buffer compressed = compress(GetParam(), as_bytes(text));
    auto plain = decompress(GetParam(), compressed.view(), 1 << 20);
    ASSERT_TRUE(plain.ok()) << plain.error().message;
    EXPECT_EQ(as_text(plain->view()), text);
  }
}

TEST_P(EveryCodec, RefusesCutOffData) {
  std::string text = sample(5000);
  Buffer compressed = compress(GetParam(), as_bytes(text));
  for (size_t size : {size_t{20}, compressed.size() / 2, compressed.size() - 5}) {
    auto plain = decompress(GetParam(), compressed.view().first(size), 1 << 20);
    EXPECT_TRUE(!plain.ok() && plain.error().is(ErrorCode::invalid_record)) << size;
  }
}

TEST_P(EveryCodec, StopsABombAtTheBound) {
  std::string zeros(64 << 20, '\0');
  Buffer bomb = compress(GetParam(), as_bytes(zeros));
  auto plain = decompress(GetParam(), bomb.view(), 1 << 20);
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
  Buffer both = compress(Compression::gzip, as_bytes("one "));
  both.append(compress(Compression::gzip, as_bytes("two")).view());
  EXPECT_EQ(as_text(decompress(Compression::gzip, both.view(), 100)->view()), "one two");
}

}  // namespace
}  // namespace gregor
