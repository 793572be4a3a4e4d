#include "broker/protocol/field_writer.h"

namespace gregor::protocol {

namespace {

constexpr size_t kMaxTextSize = INT16_MAX;

}  // namespace

void FieldWriter::write(const Records& value) {
  if (value.is_null()) return write_null_length();
  write_length(value.size());
  value.is_external() ? out_->splice(value.size()) : bytes().write_bytes(value.bytes());
}

void FieldWriter::write(std::string_view value) {
  value = value.substr(0, kMaxTextSize);
  write_text_length(value.size());
  bytes().write_bytes(as_bytes(value));
}

void FieldWriter::write(Bytes value) {
  write_length(value.size());
  bytes().write_bytes(value);
}

void FieldWriter::write_nullable(std::optional<std::string_view> value, bool may_be_null) {
  if (value || !may_be_null) return write(value.value_or(std::string_view()));
  compact_ ? bytes().write_unsigned_varint(0) : bytes().write_int16(-1);
}

void FieldWriter::write_nullable(std::optional<Bytes> value, bool may_be_null) {
  if (value || !may_be_null) return write(value.value_or(Bytes()));
  write_null_length();
}

void FieldWriter::write_text_length(size_t size) {
  if (compact_) return write_length(size);
  bytes().write_int16(static_cast<int16_t>(size));
}

void FieldWriter::write_length(uint64_t size) {
  ASSERT(size < INT32_MAX);
  compact_ ? bytes().write_unsigned_varint(static_cast<uint32_t>(size) + 1)
           : bytes().write_int32(static_cast<int32_t>(size));
}

void FieldWriter::write_null_length() { compact_ ? bytes().write_unsigned_varint(0) : bytes().write_int32(-1); }

}  // namespace gregor::protocol
