#include "broker/record/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace gregor {
namespace {

/// The definition, bit by bit.
uint32_t by_definition(Bytes bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78 : 0);
  }
  return ~crc;
}

TEST(Crc32c, AgreesWithTheExamplesOfRfc3720) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  std::vector<uint8_t> zeros(32, 0);
  EXPECT_EQ(crc32c(zeros), 0x8a9136aau);
  std::vector<uint8_t> rising(32);
  std::iota(rising.begin(), rising.end(), 0);
  EXPECT_EQ(crc32c(rising), 0x46dd794eu);
}

TEST(Crc32c, AgreesWithTheDefinitionAtEveryLengthWhereTheAlgorithmChanges) {
  std::vector<uint8_t> bytes(3 * 4096 * 2 + 3 * 256 + 100);
  uint32_t state = 1;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  for (size_t size : {0, 1, 7, 8, 9, 767, 768, 769, 12287, 12288, 12289, 13056, 24576, 25443}) {
    Bytes part = Bytes(bytes).subspan(1, size);
    EXPECT_EQ(crc32c(part), by_definition(part)) << size;
  }
}

TEST(Crc32c, ContinuesWhereItStopped) {
  EXPECT_EQ(crc32c(as_bytes("456789"), crc32c(as_bytes("123"))), 0xe3069283u);
}

}  // namespace
}  // namespace gregor
