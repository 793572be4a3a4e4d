#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/protocol/records.h"
#include "broker/types/error_code.h"
#include "broker/types/uuid.h"
#include "runtime/byte_reader.h"
#include "runtime/result.h"

namespace gregor::protocol {

/// Reads the fields of a message in one version and remembers the first that failed.
///
/// Total like the ByteReader below it: after a failure every read yields nothing, and loops end. Knows both
/// encodings: "flexible" versions have compact lengths (varint, plus one) and tagged fields.
class FieldReader {
 public:
  FieldReader(ByteReader& reader, int16_t version, bool flexible)
      : reader_(&reader), version_(version), flexible_(flexible), compact_(flexible) {}

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }
  bool failed() const { return failed_; }
  /// Where and why it failed, for example `topics[2].partitions[0].fetch_offset: ...`.
  std::string failure() const { return path_ + ": " + reason_; }
  /// Turns compact lengths off for a field that keeps the old ones in flexible versions, and on again.
  void set_compact(bool compact) { compact_ = compact; }

  void read(const char* field, bool& value);
  void read(const char* field, int8_t& value);
  void read(const char* field, int16_t& value);
  void read(const char* field, uint16_t& value);
  void read(const char* field, int32_t& value);
  void read(const char* field, uint32_t& value);
  void read(const char* field, int64_t& value);
  void read(const char* field, double& value);
  void read(const char* field, Uuid& value);
  void read(const char* field, Records& value);
  void read(const char* field, std::string_view& value);
  void read(const char* field, std::string& value);
  void read(const char* field, Bytes& value);
  void read(const char* field, std::vector<uint8_t>& value);
  template <class Struct>
  requires requires(Struct& value, FieldReader& in) { value.read(in); }
  void read(const char* field, Struct& value);

  void read_nullable(const char* field, std::optional<std::string_view>& value, bool may_be_null);
  void read_nullable(const char* field, std::optional<std::string>& value, bool may_be_null);
  void read_nullable(const char* field, std::optional<Bytes>& value, bool may_be_null);
  void read_nullable(const char* field, std::optional<std::vector<uint8_t>>& value, bool may_be_null);
  template <class Struct>
  requires requires(Struct& value, FieldReader& in) { value.read(in); }
  void read_nullable(const char* field, std::optional<Struct>& value, bool may_be_null);

  /// `smallest_element` bytes is the least that an element takes; a count that the rest can't hold is an error
  /// before anything is allocated for it.
  template <class T>
  void read_array(const char* field, std::vector<T>& values, size_t smallest_element);
  template <class T>
  void read_nullable_array(const char* field, std::optional<std::vector<T>>& values, size_t smallest_element,
                           bool may_be_null);

  /// Reads the tagged fields that end a structure in flexible versions. `read_tag(tag)` reads the field and returns
  /// true, or returns false for a tag that it doesn't know, which is skipped.
  template <class ReadTag>
  void read_tags(ReadTag read_tag);
  void skip_tags();

 private:
  std::optional<size_t> read_text_length(const char* field, bool may_be_null);
  std::optional<size_t> read_length(const char* field, bool may_be_null);
  uint32_t read_compact_length();
  std::optional<size_t> checked_length(const char* field, uint32_t raw, bool may_be_null);
  std::optional<std::string_view> read_text(const char* field, bool may_be_null);
  std::optional<Bytes> read_long_bytes(const char* field, bool may_be_null);
  std::optional<size_t> read_count(const char* field, size_t smallest_element, bool may_be_null);
  template <class T>
  void read_elements(const char* field, std::vector<T>& values, size_t count);
  bool read_presence(const char* field, bool may_be_null);
  Bytes read_tag_value(uint32_t& tag);
  void check_tag_consumed(const ByteReader& value);

  /// Fails with `field` when the ByteReader has run out of bytes.
  void check(const char* field) {
    if (!reader_->ok()) fail(field, "the message ends before it does");
  }
  void fail(const char* field, const char* reason);
  /// Puts the enclosing field before the path of the one that failed.
  void within(const char* field);
  void within(const char* field, size_t index);

  ByteReader* reader_;
  int16_t version_;
  bool flexible_;
  bool compact_;
  bool failed_ = false;
  std::string path_;
  const char* reason_ = "";
};

/// The body of every generated decode().
template <class Message>
Result<Message> decode_message(ByteReader& reader, int16_t version) {
  if (version < Message::kMinVersion || version > Message::kMaxVersion) {
    return Error{make_error_code(ErrorCode::unsupported_version),
                 std::string(Message::kName) + " has no version " + std::to_string(version)};
  }
  FieldReader in(reader, version, version >= Message::kFirstFlexibleVersion);
  Message message;
  message.read(in);
  if (!in.failed()) return message;
  return Error{make_error_code(ErrorCode::invalid_request),
               std::string(Message::kName) + " v" + std::to_string(version) + ": " + in.failure()};
}

template <class Struct>
requires requires(Struct& value, FieldReader& in) { value.read(in); }
void FieldReader::read(const char* field, Struct& value) {
  if (failed_) return;
  value.read(*this);
  if (failed_) within(field);
}

template <class Struct>
requires requires(Struct& value, FieldReader& in) { value.read(in); }
void FieldReader::read_nullable(const char* field, std::optional<Struct>& value, bool may_be_null) {
  value.reset();
  // Named, since clang denies that a struct within a message is default constructible while that is incomplete.
  if (read_presence(field, may_be_null)) read(field, value.emplace(Struct()));
}

template <class T>
void FieldReader::read_array(const char* field, std::vector<T>& values, size_t smallest_element) {
  if (auto count = read_count(field, smallest_element, false)) read_elements(field, values, *count);
}

template <class T>
void FieldReader::read_nullable_array(const char* field, std::optional<std::vector<T>>& values,
                                      size_t smallest_element, bool may_be_null) {
  values.reset();
  if (auto count = read_count(field, smallest_element, may_be_null)) read_elements(field, values.emplace(), *count);
}

template <class T>
void FieldReader::read_elements(const char* field, std::vector<T>& values, size_t count) {
  values.reserve(count);
  for (size_t i = 0; i < count && !failed_; ++i) {
    read("", values.emplace_back());
    if (failed_) within(field, i);
  }
}

template <class ReadTag>
void FieldReader::read_tags(ReadTag read_tag) {
  if (!flexible_) return;
  const uint32_t count = reader_->read_unsigned_varint();
  check("tagged fields");
  for (uint32_t i = 0; i < count && !failed_; ++i) {
    uint32_t tag = 0;
    ByteReader value(read_tag_value(tag));
    if (failed_) return;
    ByteReader* message = std::exchange(reader_, &value);
    const bool known = read_tag(tag);
    reader_ = message;
    if (known) check_tag_consumed(value);
  }
}

}  // namespace gregor::protocol
