#pragma once

#include <limits>
#include <memory>

#include "broker/record/batch.h"
#include "runtime/buffer.h"
#include "runtime/result.h"

namespace gregor {

/// A compressed blob, decompressed piece by piece, so that its reader decides how much of it is ever held.
///
/// Memory is that of the codec's window (at most 128 MiB, zstd's limit) and, for snappy, one block. The compressed
/// bytes must outlive the decompressor. Errors: invalid_record when the bytes are not of that codec or are cut off.
class Decompressor {
 public:
  /// A codec of `none` passes the bytes through.
  static std::unique_ptr<Decompressor> create(Compression codec, Bytes compressed);
  virtual ~Decompressor() = default;

  /// Puts the next bytes at the front of `into`, which is not empty, and returns how many; 0 is the end.
  virtual Result<size_t> read(std::span<uint8_t> into) = 0;
};

/// All of a blob. Errors: message_too_large when it decompresses to more than `max_size` bytes, and those above.
Result<Buffer> decompress(Compression codec, Bytes compressed, size_t max_size);
/// Stands for the level that a codec has by default.
inline constexpr int kDefaultLevel = std::numeric_limits<int>::min();

/// A codec, and how hard it tries.
struct CompressionTarget {
  Compression codec = Compression::none;
  /// As compression.gzip.level (1 to 9, or -1), compression.lz4.level (1 to 17) and compression.zstd.level mean it.
  /// A level that the library does not have counts as the nearest one that it has.
  int level = kDefaultLevel;
};

/// `plain` as Kafka compresses it: gzip, snappy in xerial's framing, an LZ4 frame, or zstd.
Buffer compress(const CompressionTarget& target, Bytes plain);

namespace xerial {
/// Begins every snappy stream of Java's snappy library: magic, version and compatible version; then come blocks,
/// each behind its length.
inline constexpr uint8_t kHeader[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
inline constexpr size_t kMagicSize = 8;
}  // namespace xerial

/// The snappy case of Decompressor::create.
std::unique_ptr<Decompressor> create_snappy_decompressor(Bytes compressed);

}  // namespace gregor
