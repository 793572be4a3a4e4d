#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "broker/record/compression.h"

namespace gregor {
namespace {

Buffer compress_gzip(Bytes plain, int level) {
  z_stream stream = {};
  constexpr int kGzip = 16;
  constexpr int kDefaultMemory = 8;
  ASSERT(::deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + kGzip, kDefaultMemory, Z_DEFAULT_STRATEGY) == Z_OK);
  Buffer compressed(::deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<uint8_t*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = compressed.data();
  stream.avail_out = static_cast<uInt>(compressed.size());
  ASSERT(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  compressed.resize(compressed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return compressed;
}

Buffer compress_snappy(Bytes plain) {
  constexpr size_t kBlock = 32 << 10;
  Buffer compressed = Buffer::copy_of(xerial::kHeader);
  while (!plain.empty()) {
    Bytes block = plain.first(std::min(kBlock, plain.size()));
    plain = plain.subspan(block.size());
    size_t length_position = compressed.size();
    size_t size = snappy::MaxCompressedLength(block.size());
    auto* to = reinterpret_cast<char*>(compressed.extend(4 + size) + 4);
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(), to, &size);
    store_big_endian(compressed.data() + length_position, static_cast<uint32_t>(size));
    compressed.resize(length_position + 4 + size);
  }
  return compressed;
}

/// Kafka's levels are those of Java's library: the default one is the fast compressor, whatever its number; the
/// others are the thorough one, which there goes up to 17 and here to 12.
int lz4_level(int level) {
  constexpr int kKafkaDefault = 9;
  constexpr int kFast = 0;
  constexpr int kLeastThorough = 3;
  if (level == kDefaultLevel || level == kKafkaDefault) return kFast;
  return std::clamp(level, kLeastThorough, LZ4F_compressionLevel_max());
}

Buffer compress_lz4(Bytes plain, int level) {
  LZ4F_preferences_t preferences = {};
  preferences.compressionLevel = level;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // the only mode that Kafka's Java clients read
  Buffer compressed(LZ4F_compressFrameBound(plain.size(), &preferences));
  size_t size = LZ4F_compressFrame(compressed.data(), compressed.size(), plain.data(), plain.size(), &preferences);
  ASSERT(!LZ4F_isError(size));
  compressed.resize(size);
  return compressed;
}

Buffer compress_zstd(Bytes plain, int level) {
  Buffer compressed(ZSTD_compressBound(plain.size()));
  size_t size = ZSTD_compress(compressed.data(), compressed.size(), plain.data(), plain.size(),
                              std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel()));
  ASSERT(!ZSTD_isError(size));
  compressed.resize(size);
  return compressed;
}

}  // namespace

Buffer compress(const CompressionTarget& target, Bytes plain) {
  auto level_or = [&](int fallback) { return target.level == kDefaultLevel ? fallback : target.level; };
  switch (target.codec) {
    case Compression::gzip:
      return compress_gzip(plain, level_or(Z_DEFAULT_COMPRESSION));
    case Compression::snappy:
      return compress_snappy(plain);
    case Compression::lz4:
      return compress_lz4(plain, lz4_level(target.level));
    case Compression::zstd:
      return compress_zstd(plain, level_or(ZSTD_CLEVEL_DEFAULT));
    case Compression::none:
      break;
  }
  return Buffer::copy_of(plain);
}

}  // namespace gregor
