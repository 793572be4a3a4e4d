#include "runtime/byte_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace gregor {
namespace {

TEST(ByteReader, ReadsBigEndianIntegers) {
  std::array<uint8_t, 15> bytes{0xff, 0x01, 0x02, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_int8(), -1);
  EXPECT_EQ(reader.read_int16(), 0x0102);
  EXPECT_EQ(reader.read_int32(), INT32_MIN + 1);
  EXPECT_EQ(reader.read_int64(), 256);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, FailsForGoodAtTheEnd) {
  std::array<uint8_t, 3> bytes{1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_int32(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.read_int8(), 0);
  EXPECT_TRUE(reader.read_bytes(1).empty());
}

// Examples of the Protocol Buffers encoding guide, whose zig-zag varints Kafka uses.
TEST(ByteReader, ReadsZigZagVarints) {
  std::vector<uint8_t> bytes{0x00, 0x01, 0x02, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_varint(), 0);
  EXPECT_EQ(reader.read_varint(), -1);
  EXPECT_EQ(reader.read_varint(), 1);
  EXPECT_EQ(reader.read_varint(), 2147483647);
  EXPECT_EQ(reader.read_varint(), INT32_MIN);
  EXPECT_TRUE(reader.ok());
}

TEST(ByteReader, RefusesVarintsThatAreTooLong) {
  std::vector<uint8_t> endless(11, 0x80);
  ByteReader short_one(endless);
  short_one.read_unsigned_varint();
  EXPECT_FALSE(short_one.ok());
  ByteReader long_one(endless);
  long_one.read_varlong();
  EXPECT_FALSE(long_one.ok());
}

}  // namespace
}  // namespace gregor
