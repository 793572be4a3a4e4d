#include "broker/record/legacy_lz4.h"

#include <bit>

#include "runtime/assert.h"
#include "runtime/bytes.h"

namespace gregor {
namespace {

constexpr size_t kFrameMagicSize = 4;
constexpr uint8_t kHasContentSize = 0x08;
constexpr uint8_t kHasDictionaryId = 0x01;

/// XXH32 with seed 0 of fewer than 16 bytes, which is all that a descriptor has; liblz4 keeps its own to itself.
uint32_t short_xxh32(Bytes bytes) {
  constexpr uint32_t kPrime1 = 2654435761, kPrime2 = 2246822519, kPrime3 = 3266489917, kPrime4 = 668265263,
                     kPrime5 = 374761393;
  ASSERT(bytes.size() < 16);
  auto hash = kPrime5 + static_cast<uint32_t>(bytes.size());
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    uint32_t word = __builtin_bswap32(load_big_endian<uint32_t>(bytes.data()));
    hash = std::rotl(hash + word * kPrime3, 17) * kPrime4;
  }
  for (uint8_t byte : bytes) hash = std::rotl(hash + byte * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

}  // namespace

void set_lz4_checksum(std::span<uint8_t> frame, Lz4Checksum kind) {
  if (frame.size() <= kFrameMagicSize) return;
  uint8_t flags = frame[kFrameMagicSize];
  size_t end = kFrameMagicSize + 2 + (flags & kHasContentSize ? 8 : 0) + (flags & kHasDictionaryId ? 4 : 0);
  if (frame.size() <= end) return;
  size_t begin = kind == Lz4Checksum::standard ? kFrameMagicSize : 0;
  frame[end] = static_cast<uint8_t>(short_xxh32(frame.subspan(begin, end - begin)) >> 8);
}

}  // namespace gregor
