#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "broker/record/compression.h"
#include "broker/record/legacy_reader.h"
#include "broker/types/error_code.h"
#include "runtime/byte_writer.h"

namespace gregor {

using ByteVector = std::vector<uint8_t>;

/// A record that outlives what it was read from.
struct Plain {
  int64_t offset = 0;
  int64_t timestamp = kNoTimestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;

  friend bool operator==(const Plain&, const Plain&) = default;
};

inline void PrintTo(const Plain& record, std::ostream* out) {
  *out << record.offset << "@" << record.timestamp << " " << record.key.value_or("null") << "="
       << record.value.value_or("null");
}

inline ByteVector to_vector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

inline Plain plain_of(const RecordView& record) {
  auto text = [](const std::optional<Bytes>& bytes) -> std::optional<std::string> {
    if (!bytes) return std::nullopt;
    return std::string(as_text(*bytes));
  };
  return {record.offset.value, record.timestamp, text(record.key), text(record.value)};
}

template <class Reader>
Result<std::vector<Plain>> read_all(Result<Reader> reader) {
  if (!reader) return reader.error();
  std::vector<Plain> records;
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) return records;
    records.push_back(plain_of(**record));
  }
}

inline Result<std::vector<Plain>> read_messages(Bytes message_set, size_t max_plain_size = 1 << 20) {
  std::vector<Plain> records;
  while (!message_set.empty()) {
    auto entry = take_message(message_set);
    if (!entry) return entry.error();
    auto inside = read_all(LegacyReader::open(*entry, max_plain_size));
    if (!inside) return inside.error();
    records.insert(records.end(), inside->begin(), inside->end());
  }
  return records;
}

inline std::vector<Plain> must_read_messages(Bytes message_set) {
  auto records = read_messages(message_set);
  EXPECT_TRUE(records.ok()) << records.error().message;
  return records.ok() ? *records : std::vector<Plain>();
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result.ok() ? ErrorCode::none : kafka_code(result.error().code);
}

/// Makes the checksum of the message at the front cover for what was changed in it.
inline void patch_message_crc(ByteVector& message) {
  using namespace batch_layout;
  auto size = kPrefixSize + static_cast<size_t>(load_big_endian<int32_t>(message.data() + kLength));
  auto crc = static_cast<uint32_t>(::crc32(0, message.data() + kMagic, static_cast<uInt>(size - kMagic)));
  store_big_endian(message.data() + kPrefixSize, crc);
}

/// A message by hand, around any bytes.
inline ByteVector message(int8_t magic, int8_t attributes, Bytes body, int64_t offset = 0) {
  using namespace batch_layout;
  ByteWriter writer;
  writer.write_int64(offset);
  writer.write_int32(static_cast<int32_t>(kMagic + 2 - kPrefixSize + body.size()));
  writer.write_uint32(0);
  writer.write_int8(magic);
  writer.write_int8(attributes);
  writer.write_bytes(body);
  ByteVector bytes = to_vector(writer.view());
  patch_message_crc(bytes);
  return bytes;
}

/// A compressed message that holds `plain`, whatever that is.
inline ByteVector wrapper(int8_t magic, Bytes plain, Compression codec = Compression::gzip, int64_t offset = 0) {
  Buffer value = compress({codec}, plain);
  ByteWriter body;
  if (magic == 1) body.write_int64(0);
  body.write_int32(-1);
  body.write_int32(static_cast<int32_t>(value.size()));
  body.write_bytes(value.view());
  return message(magic, static_cast<int8_t>(codec), body.view(), offset);
}

inline ByteVector joined(const ByteVector& first, const ByteVector& second) {
  ByteVector both = first;
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

}  // namespace gregor
