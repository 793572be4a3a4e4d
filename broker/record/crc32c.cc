#include "broker/record/crc32c.h"

#include <array>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace gregor {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli's, bits reversed

#ifdef __SSE4_2__

using Matrix = std::array<uint32_t, 32>;  // a linear map over GF(2), one column per bit

constexpr uint32_t apply(const Matrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int bit = 0; vector != 0; ++bit, vector >>= 1) {
    if (vector & 1) sum ^= matrix[bit];
  }
  return sum;
}

constexpr Matrix squared(const Matrix& matrix) {
  Matrix result{};
  for (int bit = 0; bit < 32; ++bit) result[bit] = apply(matrix, matrix[bit]);
  return result;
}

/// Takes the checksum of some data to that of the data with `kBytes` zero bytes behind it.
template <size_t kBytes>
class ZeroAppender {
 public:
  constexpr ZeroAppender() {
    static_assert((kBytes & (kBytes - 1)) == 0, "built by squaring");
    Matrix matrix{};
    matrix[0] = kPolynomial;
    for (int bit = 1; bit < 32; ++bit) matrix[bit] = 1u << (bit - 1);
    for (size_t bits = 1; bits < kBytes * 8; bits *= 2) matrix = squared(matrix);
    for (uint32_t value = 0; value < 256; ++value) {
      for (int byte = 0; byte < 4; ++byte) table_[byte][value] = apply(matrix, value << (8 * byte));
    }
  }
  uint32_t operator()(uint32_t crc) const {
    return table_[0][crc & 0xff] ^ table_[1][(crc >> 8) & 0xff] ^ table_[2][(crc >> 16) & 0xff] ^
           table_[3][crc >> 24];
  }

 private:
  std::array<std::array<uint32_t, 256>, 4> table_{};
};

uint64_t load(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// The instruction has a latency of three cycles and a throughput of one, so three neighbouring runs of `kRun`
/// bytes are summed at a time and put together afterwards.
template <size_t kRun>
uint64_t sum_triples(uint64_t crc, const uint8_t*& at, size_t& left) {
  static constexpr ZeroAppender<kRun> kAppendRun;
  while (left >= 3 * kRun) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (const uint8_t* end = at + kRun; at != end; at += 8) {
      crc = _mm_crc32_u64(crc, load(at));
      second = _mm_crc32_u64(second, load(at + kRun));
      third = _mm_crc32_u64(third, load(at + 2 * kRun));
    }
    crc = kAppendRun(static_cast<uint32_t>(crc)) ^ second;
    crc = kAppendRun(static_cast<uint32_t>(crc)) ^ third;
    at += 2 * kRun;
    left -= 3 * kRun;
  }
  return crc;
}

uint32_t sum(uint32_t start, Bytes bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = sum_triples<4096>(start, at, left);
  crc = sum_triples<256>(crc, at, left);
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, load(at));
  for (; left > 0; --left, ++at) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *at);
  return static_cast<uint32_t>(crc);
}

#else

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t value = 0; value < 256; ++value) {
    uint32_t crc = value;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[value] = crc;
  }
  return table;
}

uint32_t sum(uint32_t crc, Bytes bytes) {
  static constexpr auto kTable = make_table();
  for (uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
  return crc;
}

#endif

}  // namespace

uint32_t crc32c(Bytes bytes, uint32_t so_far) { return ~sum(~so_far, bytes); }

}  // namespace gregor
