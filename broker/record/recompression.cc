#include "broker/record/recompression.h"

#include "broker/record/compression.h"

namespace gregor {

using namespace batch_layout;

namespace {

constexpr uint8_t kTimestampTypeBit = 0x08;
constexpr uint8_t kTransactionalBit = 0x10;
constexpr uint8_t kControlBit = 0x20;

/// The batch, if it may be decompressed.
std::optional<BatchView> readable_batch(Bytes records, const ProduceRules& rules) {
  auto batch = BatchView::probe(records);
  if (!batch || batch->is_legacy() || batch->size() != records.size()) return std::nullopt;
  if (batch->size() > rules.max_message_bytes || batch->compression() > Compression::zstd) return std::nullopt;
  if (batch->compression() == Compression::zstd && !rules.allows_zstd) return std::nullopt;
  if (!batch->is_intact()) return std::nullopt;
  return batch;
}

void write_attributes(std::span<uint8_t> batch, Compression codec) {
  uint8_t kept = batch[kAttributes + 1] & (kTimestampTypeBit | kTransactionalBit | kControlBit);
  batch[kAttributes] = 0;
  batch[kAttributes + 1] = static_cast<uint8_t>(kept | static_cast<uint8_t>(codec));
}

}  // namespace

bool needs_recompression(Bytes records, const std::optional<CompressionTarget>& target) {
  if (!target) return false;
  auto batch = BatchView::probe(records);
  return batch && !batch->is_legacy() && batch->compression() != target->codec;
}

std::optional<Buffer> recompress(Bytes records, const ProduceRules& rules) {
  auto batch = readable_batch(records, rules);
  if (!batch) return std::nullopt;
  Result<Buffer> plain = Buffer();
  if (batch->compression() != Compression::none) {
    plain = decompress(batch->compression(), batch->payload(), rules.max_plain_size);
    if (!plain) return std::nullopt;
  }
  Bytes records_plain = batch->compression() == Compression::none ? batch->payload() : plain->view();
  Buffer payload = compress(*rules.stored_in, records_plain);
  Buffer rewritten = Buffer::copy_of(records.first(kHeaderSize));
  rewritten.append(payload.view());
  store_big_endian(rewritten.data() + kLength, static_cast<int32_t>(rewritten.size() - kPrefixSize));
  write_attributes(rewritten.span(), rules.stored_in->codec);
  patch_crc(rewritten.span());
  return rewritten;
}

}  // namespace gregor
