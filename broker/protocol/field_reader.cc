#include "broker/protocol/field_reader.h"

#include <algorithm>
#include <cstdint>

namespace gregor::protocol {

namespace {

/// Kafka takes no longer texts in either encoding.
constexpr size_t kMaxTextSize = INT16_MAX;

}  // namespace

void FieldReader::fail(const char* field, const char* reason) {
  reader_->fail();
  if (failed_) return;
  failed_ = true;
  path_ = field;
  reason_ = reason;
}

void FieldReader::within(const char* field) {
  if (*field == 0) return;  // an element of an array, which is named by its index
  path_ = path_.empty() ? field : std::string(field) + "." + path_;
}

void FieldReader::within(const char* field, size_t index) {
  within((std::string(field) + "[" + std::to_string(index) + "]").c_str());
}

void FieldReader::read(const char* field, bool& value) {
  value = reader_->read_int8() != 0;
  check(field);
}

void FieldReader::read(const char* field, int8_t& value) {
  value = reader_->read_int8();
  check(field);
}

void FieldReader::read(const char* field, int16_t& value) {
  value = reader_->read_int16();
  check(field);
}

void FieldReader::read(const char* field, uint16_t& value) {
  value = reader_->read_uint16();
  check(field);
}

void FieldReader::read(const char* field, int32_t& value) {
  value = reader_->read_int32();
  check(field);
}

void FieldReader::read(const char* field, uint32_t& value) {
  value = reader_->read_uint32();
  check(field);
}

void FieldReader::read(const char* field, int64_t& value) {
  value = reader_->read_int64();
  check(field);
}

void FieldReader::read(const char* field, double& value) {
  value = reader_->read_float64();
  check(field);
}

void FieldReader::read(const char* field, Uuid& value) {
  Bytes bytes = reader_->read_bytes(value.bytes.size());
  std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
  check(field);
}

void FieldReader::read(const char* field, Records& value) {
  std::optional<Bytes> bytes = read_long_bytes(field, true);
  value = bytes ? Records::view(*bytes) : Records();
}

void FieldReader::read(const char* field, std::string_view& value) {
  value = read_text(field, false).value_or(std::string_view());
}

void FieldReader::read(const char* field, std::string& value) {
  value = read_text(field, false).value_or(std::string_view());
}

void FieldReader::read(const char* field, Bytes& value) { value = read_long_bytes(field, false).value_or(Bytes()); }

void FieldReader::read(const char* field, std::vector<uint8_t>& value) {
  Bytes bytes = read_long_bytes(field, false).value_or(Bytes());
  value.assign(bytes.begin(), bytes.end());
}

void FieldReader::read_nullable(const char* field, std::optional<std::string_view>& value, bool may_be_null) {
  value = read_text(field, may_be_null);
}

void FieldReader::read_nullable(const char* field, std::optional<std::string>& value, bool may_be_null) {
  value.reset();
  if (auto text = read_text(field, may_be_null)) value.emplace(*text);
}

void FieldReader::read_nullable(const char* field, std::optional<Bytes>& value, bool may_be_null) {
  value = read_long_bytes(field, may_be_null);
}

void FieldReader::read_nullable(const char* field, std::optional<std::vector<uint8_t>>& value, bool may_be_null) {
  value.reset();
  if (auto bytes = read_long_bytes(field, may_be_null)) value.emplace(bytes->begin(), bytes->end());
}

/// Compact lengths are one more than what they say; the subtraction makes -1 of a 0, which is null.
uint32_t FieldReader::read_compact_length() { return reader_->read_unsigned_varint() - 1; }

std::optional<size_t> FieldReader::read_text_length(const char* field, bool may_be_null) {
  const uint32_t raw = compact_ ? read_compact_length() : static_cast<uint32_t>(reader_->read_int16());
  return checked_length(field, raw, may_be_null);
}

std::optional<size_t> FieldReader::read_length(const char* field, bool may_be_null) {
  const uint32_t raw = compact_ ? read_compact_length() : reader_->read_uint32();
  return checked_length(field, raw, may_be_null);
}

/// None for null, which is any negative number, and after a failure.
std::optional<size_t> FieldReader::checked_length(const char* field, uint32_t raw, bool may_be_null) {
  check(field);
  if (failed_) return std::nullopt;
  if (static_cast<int32_t>(raw) >= 0) return raw;
  if (!may_be_null) fail(field, "null or negative length where there must be a value");
  return std::nullopt;
}

std::optional<std::string_view> FieldReader::read_text(const char* field, bool may_be_null) {
  auto size = read_text_length(field, may_be_null);
  if (!size) return std::nullopt;
  if (*size > kMaxTextSize) {
    fail(field, "text of more than 32767 bytes");
    return std::nullopt;
  }
  Bytes bytes = reader_->read_bytes(*size);
  check(field);
  return as_text(bytes);
}

std::optional<Bytes> FieldReader::read_long_bytes(const char* field, bool may_be_null) {
  auto size = read_length(field, may_be_null);
  if (!size) return std::nullopt;
  Bytes bytes = reader_->read_bytes(*size);
  check(field);
  return bytes;
}

std::optional<size_t> FieldReader::read_count(const char* field, size_t smallest_element, bool may_be_null) {
  auto count = read_length(field, may_be_null);
  if (!count || *count <= reader_->remaining() / smallest_element) return count;
  fail(field, "more elements than the message has room for");
  return std::nullopt;
}

/// A nullable structure begins with one byte: negative for null.
bool FieldReader::read_presence(const char* field, bool may_be_null) {
  const bool present = reader_->read_int8() >= 0;
  check(field);
  if (!present && !may_be_null) fail(field, "null where there must be a value");
  return present && !failed_;
}

Bytes FieldReader::read_tag_value(uint32_t& tag) {
  tag = reader_->read_unsigned_varint();
  Bytes value = reader_->read_bytes(reader_->read_unsigned_varint());
  check("tagged fields");
  return value;
}

void FieldReader::check_tag_consumed(const ByteReader& value) {
  // A failure inside of the field failed the field's own reader only.
  if (failed_) reader_->fail();
  if (!failed_ && value.remaining() > 0) fail("tagged fields", "a field is shorter than its declared size");
}

void FieldReader::skip_tags() {
  read_tags([](uint32_t) { return false; });
}

}  // namespace gregor::protocol
