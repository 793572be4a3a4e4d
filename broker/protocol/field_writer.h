#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/protocol/message_writer.h"
#include "broker/protocol/records.h"
#include "broker/types/uuid.h"
#include "runtime/assert.h"

namespace gregor::protocol {

/// Writes the fields of a message in one version; the counterpart of FieldReader.
class FieldWriter {
 public:
  FieldWriter(MessageWriter& out, int16_t version, bool flexible)
      : out_(&out), version_(version), flexible_(flexible), compact_(flexible) {}

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }
  /// Turns compact lengths off for a field that keeps the old ones in flexible versions, and on again.
  void set_compact(bool compact) { compact_ = compact; }

  void write(bool value) { bytes().write_int8(value ? 1 : 0); }
  void write(int8_t value) { bytes().write_int8(value); }
  void write(int16_t value) { bytes().write_int16(value); }
  void write(uint16_t value) { bytes().write_uint16(value); }
  void write(int32_t value) { bytes().write_int32(value); }
  void write(uint32_t value) { bytes().write_uint32(value); }
  void write(int64_t value) { bytes().write_int64(value); }
  void write(double value) { bytes().write_float64(value); }
  void write(const Uuid& value) { bytes().write_bytes(value.bytes); }
  void write(const Records& value);
  /// A text of more than 32767 bytes, which no client would read, is cut there: only a message for people is so
  /// long.
  void write(std::string_view value);
  void write(Bytes value);
  template <class Struct>
  requires requires(const Struct& value, FieldWriter& out) { value.write(out); }
  void write(const Struct& value) { value.write(*this); }

  void write_nullable(std::optional<std::string_view> value, bool may_be_null);
  void write_nullable(std::optional<Bytes> value, bool may_be_null);
  template <class Struct>
  requires requires(const Struct& value, FieldWriter& out) { value.write(out); }
  void write_nullable(const std::optional<Struct>& value, bool may_be_null);

  template <class T>
  void write_array(const std::vector<T>& values);
  template <class T>
  void write_nullable_array(const std::optional<std::vector<T>>& values, bool may_be_null);

  /// Begins the tagged fields that end a structure; does nothing in versions that have none.
  void write_tag_count(uint32_t count) {
    if (flexible_) bytes().write_unsigned_varint(count);
  }
  /// One tagged field, its value written by `write_value(FieldWriter&)`. Tags go out in rising order.
  template <class WriteValue>
  void write_tag(uint32_t tag, WriteValue write_value);

 private:
  ByteWriter& bytes() { return out_->bytes(); }
  void write_text_length(size_t size);
  void write_length(uint64_t size);
  void write_null_length();

  MessageWriter* out_;
  int16_t version_;
  bool flexible_;
  bool compact_;
};

/// The body of every generated encode().
template <class Message>
void encode_message(const Message& message, MessageWriter& writer, int16_t version) {
  ASSERT(version >= Message::kMinVersion && version <= Message::kMaxVersion);
  FieldWriter out(writer, version, version >= Message::kFirstFlexibleVersion);
  message.write(out);
}

template <class Struct>
requires requires(const Struct& value, FieldWriter& out) { value.write(out); }
void FieldWriter::write_nullable(const std::optional<Struct>& value, bool may_be_null) {
  ASSERT(value || may_be_null);
  bytes().write_int8(value ? 1 : -1);
  if (value) value->write(*this);
}

template <class T>
void FieldWriter::write_array(const std::vector<T>& values) {
  write_length(values.size());
  for (const T& value : values) write(value);
}

template <class T>
void FieldWriter::write_nullable_array(const std::optional<std::vector<T>>& values, bool may_be_null) {
  if (values) return write_array(*values);
  may_be_null ? write_null_length() : write_length(0);
}

template <class WriteValue>
void FieldWriter::write_tag(uint32_t tag, WriteValue write_value) {
  MessageWriter content;
  FieldWriter value(content, version_, flexible_);
  write_value(value);
  ASSERT(content.splices().empty());
  bytes().write_unsigned_varint(tag);
  bytes().write_unsigned_varint(static_cast<uint32_t>(content.bytes().size()));
  bytes().write_bytes(content.bytes().view());
}

}  // namespace gregor::protocol
