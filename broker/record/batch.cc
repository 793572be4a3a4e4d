#include "broker/record/batch.h"

#include <zlib.h>

#include "broker/record/crc32c.h"

namespace gregor {

using namespace batch_layout;

namespace {

constexpr size_t kLegacyTimestamp = 18;

size_t least_size(int8_t magic) {
  if (magic == 2) return kHeaderSize;
  return magic == 1 ? kMinSizeV1 : kMinSizeV0;
}

}  // namespace

std::string_view name_of(Compression codec) {
  switch (codec) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::snappy:
      return "snappy";
    case Compression::lz4:
      return "lz4";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<BatchView> BatchView::probe(Bytes bytes) {
  if (bytes.size() < kProbeSize) return std::nullopt;
  auto magic = static_cast<int8_t>(bytes[kMagic]);
  if (magic < 0 || magic > 2) return std::nullopt;
  size_t least = least_size(magic);
  auto length = load_big_endian<int32_t>(bytes.data() + kLength);
  if (length < 0 || kPrefixSize + static_cast<size_t>(length) < least || bytes.size() < least) return std::nullopt;
  return BatchView(bytes);
}

int64_t BatchView::max_timestamp() const {
  if (magic() == 0) return kNoTimestamp;
  return field<int64_t>(magic() == 1 ? kLegacyTimestamp : kMaxTimestamp);
}

bool BatchView::is_intact() const {
  if (!is_whole()) return false;
  if (!is_legacy()) return crc32c(bytes().subspan(kAttributes)) == crc();
  Bytes summed = bytes().subspan(kMagic);
  auto stored = field<uint32_t>(kPrefixSize);
  return ::crc32_z(0, summed.data(), summed.size()) == stored;
}

std::optional<BatchView> BatchIterator::next() {
  auto batch = BatchView::probe(rest_);
  if (!batch || !batch->is_whole()) return std::nullopt;
  auto whole = BatchView::probe(batch->bytes());
  rest_ = rest_.subspan(batch->size());
  return whole;
}

void patch_base_offset(std::span<uint8_t> batch, Offset base_offset) {
  store_big_endian(batch.data() + kBaseOffset, base_offset.value);
}

void patch_leader_epoch(std::span<uint8_t> batch, LeaderEpoch epoch) {
  store_big_endian(batch.data() + kLeaderEpoch, epoch.value);
}

void patch_max_timestamp(std::span<uint8_t> batch, TimestampType type, int64_t max_timestamp) {
  uint8_t& attributes = batch[kAttributes + 1];
  auto changed = static_cast<uint8_t>((attributes & ~0x08) | (static_cast<uint8_t>(type) << 3));
  if (changed == attributes && load_big_endian<int64_t>(batch.data() + kMaxTimestamp) == max_timestamp) return;
  attributes = changed;
  store_big_endian(batch.data() + kMaxTimestamp, max_timestamp);
  patch_crc(batch);
}

void patch_crc(std::span<uint8_t> batch) {
  store_big_endian(batch.data() + kCrc, crc32c(Bytes(batch).subspan(kAttributes)));
}

}  // namespace gregor
