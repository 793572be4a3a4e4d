#include "broker/record/legacy_builder.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "broker/record/compression.h"
#include "broker/record/legacy_lz4.h"

namespace gregor {

using namespace batch_layout;

namespace {

constexpr size_t kCrcPosition = kPrefixSize;

void write_nullable(ByteWriter& writer, std::optional<Bytes> bytes) {
  writer.write_int32(bytes ? static_cast<int32_t>(bytes->size()) : -1);
  if (bytes) writer.write_bytes(*bytes);
}

}  // namespace

void LegacyBuilder::add(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value) {
  if (messages_.size() == 0) first_offset_ = offset;
  last_offset_ = offset;
  max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
  bool is_relative = is_wrapped() && options_.magic == 1;
  Offset written = is_relative ? Offset(offset - first_offset_) : offset;
  write_message(messages_, Compression::none, written, timestamp_ms, key, value);
}

void LegacyBuilder::write_message(ByteWriter& writer, Compression codec, Offset offset, int64_t timestamp_ms,
                                  std::optional<Bytes> key, std::optional<Bytes> value) const {
  size_t begin = writer.size();
  bool has_timestamp = options_.magic == 1;
  auto type = has_timestamp ? static_cast<int>(options_.timestamp_type) : 0;
  writer.write_int64(offset.value);
  writer.write_int32(0);   // the size, patched below
  writer.write_uint32(0);  // the checksum, patched below
  writer.write_int8(options_.magic);
  writer.write_int8(static_cast<int8_t>(static_cast<int>(codec) | (type << 3)));
  if (has_timestamp) writer.write_int64(timestamp_ms);
  write_nullable(writer, key);
  write_nullable(writer, value);
  writer.patch_int32(begin + kLength, static_cast<int32_t>(writer.size() - begin - kPrefixSize));
  Bytes summed = writer.view().subspan(begin + kMagic);
  writer.patch_int32(begin + kCrcPosition, static_cast<int32_t>(::crc32_z(0, summed.data(), summed.size())));
}

Buffer LegacyBuilder::compressed(Bytes messages) const {
  Buffer compressed = compress({options_.codec}, messages);
  bool has_old_checksum = options_.codec == Compression::lz4 && options_.magic == 0;
  if (has_old_checksum) set_lz4_checksum(compressed.span(), Lz4Checksum::of_magic_0);
  return compressed;
}

Buffer LegacyBuilder::build() {
  Buffer messages = messages_.take();
  int64_t timestamp = std::exchange(max_timestamp_, kNoTimestamp);
  if (!is_wrapped() || messages.empty()) return messages;
  ByteWriter wrapper;
  Buffer value = compressed(messages.view());
  write_message(wrapper, options_.codec, last_offset_, timestamp, std::nullopt, value.view());
  return wrapper.take();
}

}  // namespace gregor
