#include "broker/record/builder.h"

#include <algorithm>

#include "broker/record/compression.h"

namespace gregor {
namespace {

void write_nullable(ByteWriter& writer, std::optional<std::string_view> text) {
  writer.write_varint(text ? static_cast<int32_t>(text->size()) : -1);
  if (text) writer.write_bytes(as_bytes(*text));
}

int16_t attributes_of(const BatchOptions& options) {
  return static_cast<int16_t>(static_cast<int>(options.codec) | (static_cast<int>(options.timestamp_type) << 3) |
                              (options.is_transactional ? 0x10 : 0) | (options.is_control ? 0x20 : 0));
}

}  // namespace

BatchBuilder& BatchBuilder::add(int64_t timestamp_ms, std::optional<std::string_view> key,
                                std::optional<std::string_view> value, std::span<const RecordHeader> headers) {
  if (count_ == 0) base_timestamp_ = timestamp_ms;
  max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
  ByteWriter body;
  body.write_int8(0);
  // Wraps for times at the far ends; so does the addition on reading.
  body.write_varlong(
      static_cast<int64_t>(static_cast<uint64_t>(timestamp_ms) - static_cast<uint64_t>(base_timestamp_)));
  body.write_varint(count_);
  write_nullable(body, key);
  write_nullable(body, value);
  body.write_varint(static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    write_nullable(body, header.key);
    write_nullable(body, header.value);
  }
  records_.write_varint(static_cast<int32_t>(body.size()));
  records_.write_bytes(body.view());
  ++count_;
  return *this;
}

Buffer BatchBuilder::build() {
  Buffer plain = records_.take();
  Buffer payload = options_.codec == Compression::none ? std::move(plain)
                                                       : compress({options_.codec, options_.level}, plain.view());
  ByteWriter batch;
  batch.write_int64(options_.base_offset.value);
  batch.write_int32(static_cast<int32_t>(batch_layout::kHeaderSize - batch_layout::kPrefixSize + payload.size()));
  batch.write_int32(options_.leader_epoch.value);
  batch.write_int8(2);
  batch.write_uint32(0);  // the checksum, patched below
  batch.write_int16(attributes_of(options_));
  batch.write_int32(count_ - 1);
  batch.write_int64(base_timestamp_);
  batch.write_int64(max_timestamp_);
  batch.write_int64(options_.producer_id);
  batch.write_int16(options_.producer_epoch);
  batch.write_int32(options_.base_sequence);
  batch.write_int32(count_);
  batch.write_bytes(payload.view());
  Buffer bytes = batch.take();
  patch_crc(bytes.span());
  count_ = 0;
  base_timestamp_ = max_timestamp_ = kNoTimestamp;
  return bytes;
}

}  // namespace gregor
