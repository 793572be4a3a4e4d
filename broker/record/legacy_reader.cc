#include "broker/record/legacy_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/record/compression.h"
#include "broker/record/legacy_lz4.h"
#include "broker/types/error_code.h"
#include "runtime/byte_reader.h"

namespace gregor {

using namespace batch_layout;

namespace {

Error corrupt(std::string why) { return {ErrorCode::corrupt_message, std::move(why)}; }
Error invalid(std::string why) { return {ErrorCode::invalid_record, std::move(why)}; }

std::optional<Bytes> read_nullable(ByteReader& reader) {
  int32_t size = reader.read_int32();
  if (size == -1) return std::nullopt;
  if (size < -1) reader.fail();
  return reader.read_bytes(static_cast<size_t>(std::max(size, 0)));
}

/// The message itself, whose checksum has been looked at.
Result<RecordView> read_message(const BatchView& message) {
  constexpr size_t kEndOfAttributes = kMagic + 2;
  constexpr size_t kTimestampSize = 8;
  ByteReader body(message.bytes().subspan(kEndOfAttributes));
  if (message.magic() == 1) body.skip(kTimestampSize);
  RecordView view;
  view.offset = message.base_offset();
  view.timestamp = message.max_timestamp();
  view.key = read_nullable(body);
  view.value = read_nullable(body);
  if (body.ok() && body.remaining() == 0) return view;
  return invalid("a message's key and value do not fill it");
}

Result<void> check_sum(const BatchView& message) {
  if (message.is_intact()) return {};
  return corrupt(fmt::format("the checksum of the message at offset {} is wrong", message.base_offset().value));
}

Result<Buffer> unwrap(const BatchView& wrapper, size_t max_plain_size) {
  Compression codec = wrapper.compression();
  if (codec > Compression::zstd) {
    return Error{ErrorCode::unsupported_compression_type, fmt::format("unknown codec {}", static_cast<int>(codec))};
  }
  if (codec == Compression::zstd) return invalid("zstd came with magic 2; no older message is compressed with it");
  auto content = read_message(wrapper);
  if (!content) return content.error();
  if (!content->value) return invalid("a compressed message holds nothing");
  if (codec != Compression::lz4) return decompress(codec, *content->value, max_plain_size);
  // Wrong in magic 0 and in what some clients send as magic 1. It guards nothing that the message's own does not.
  Buffer frame = Buffer::copy_of(*content->value);
  set_lz4_checksum(frame.span(), Lz4Checksum::standard);
  return decompress(codec, frame.view(), max_plain_size);
}

}  // namespace

Result<BatchView> take_message(Bytes& message_set) {
  if (message_set.size() < kProbeSize) return invalid("the message set ends within a message");
  auto magic = static_cast<int8_t>(message_set[kMagic]);
  if (magic < 0 || magic > 2) return corrupt(fmt::format("unknown magic {}", magic));
  if (magic == 2) return invalid("a message set of magic 0 or 1 holds a batch of magic 2");
  auto length = load_big_endian<int32_t>(message_set.data() + kLength);
  if (length < 0 || kPrefixSize + static_cast<size_t>(length) < (magic == 0 ? kMinSizeV0 : kMinSizeV1)) {
    return corrupt(fmt::format("a message of magic {} claims {} bytes, fewer than its header has", magic, length));
  }
  size_t size = kPrefixSize + static_cast<size_t>(length);
  if (size > message_set.size()) return invalid("the message set ends within a message");
  auto message = BatchView::probe(message_set.first(size));
  ASSERT(message.has_value());
  message_set = message_set.subspan(size);
  return *message;
}

LegacyReader::LegacyReader(const BatchView& entry, Buffer plain)
    : entry_(entry), plain_(std::move(plain)), rest_(is_wrapped() ? plain_.view() : entry_.bytes()) {}

Result<LegacyReader> LegacyReader::open(const BatchView& entry, size_t max_plain_size) {
  ASSERT(entry.is_whole() && entry.is_legacy());
  if (auto checked = check_sum(entry); !checked) return checked.error();
  if (entry.compression() == Compression::none) return LegacyReader(entry, Buffer());
  auto plain = unwrap(entry, max_plain_size);
  if (!plain) return plain.error();
  LegacyReader reader(entry, std::move(*plain));
  if (auto resolved = reader.resolve_offsets(); !resolved) return resolved.error();
  return reader;
}

/// In magic 1 the wrapper has the offset of the last message inside, which is known only at the end. Wrappers of
/// some producers have offset 0; the offsets inside are then taken as they are.
Result<void> LegacyReader::resolve_offsets() {
  if (rest_.empty()) return invalid("a compressed message holds no messages");
  Offset last;
  for (Bytes rest = rest_; !rest.empty();) {
    auto message = take_message(rest);
    if (!message) return message.error();
    last = message->base_offset();
  }
  Offset wrapper = entry_.base_offset();
  if (entry_.magic() == 0 || wrapper == Offset(0)) return {};
  if (wrapper < last) {
    return invalid(
        fmt::format("a compressed message has offset {}, the last one inside {}", wrapper.value, last.value));
  }
  base_offset_ = static_cast<uint64_t>(wrapper.value) - static_cast<uint64_t>(last.value);
  return {};
}

Result<std::optional<RecordView>> LegacyReader::next() {
  if (rest_.empty()) return std::optional<RecordView>();
  auto record = read_next();
  if (record) return std::optional<RecordView>(std::move(*record));
  rest_ = {};
  return record.error();
}

Result<RecordView> LegacyReader::read_next() {
  auto message = take_message(rest_);
  if (!message) return message.error();
  if (!is_wrapped()) return read_message(*message);
  if (auto checked = check_sum(*message); !checked) return checked.error();
  if (message->magic() != entry_.magic()) return invalid("a compressed message holds messages of another magic");
  if (message->compression() != Compression::none) return invalid("a compressed message holds a compressed one");
  auto record = read_message(*message);
  if (!record) return record;
  record->offset = Offset(static_cast<int64_t>(base_offset_ + static_cast<uint64_t>(record->offset.value)));
  bool is_append_time = entry_.magic() == 1 && entry_.timestamp_type() == TimestampType::log_append_time;
  if (is_append_time) record->timestamp = entry_.max_timestamp();
  return record;
}

}  // namespace gregor
