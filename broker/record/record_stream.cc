#include "broker/record/record_stream.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "broker/types/error_code.h"

namespace gregor {
namespace {
constexpr size_t kWindow = 64 << 10;
}

RecordStream::RecordStream(Compression codec, Bytes payload, uint64_t max_plain_size)
    : max_plain_size_(max_plain_size) {
  if (codec == Compression::none) {
    window_ = at_ = payload.data();
    end_ = at_ + payload.size();
    return;
  }
  source_ = Decompressor::create(codec, payload);
  buffer_.resize(kWindow);
  window_ = at_ = end_ = buffer_.data();
}

void RecordStream::fail(std::string why) {
  if (!error_) error_ = Error{ErrorCode::invalid_record, std::move(why)};
  source_.reset();
  at_ = end_;
}

void RecordStream::refill() {
  if (!source_) return;
  size_t kept = available();
  std::memmove(buffer_.data(), at_, kept);
  window_begin_ = position();
  window_ = at_ = buffer_.data();
  end_ = window_ + kept;
  auto count = source_->read(buffer_.span().subspan(kept));
  if (!count) return fail(count.error().message);
  end_ += *count;
  if (*count == 0) source_.reset();
  if (window_begin_ + available() > max_plain_size_) {
    fail("too large");
    error_ = Error{ErrorCode::message_too_large,
                   "the batch decompresses to more than " + std::to_string(max_plain_size_) + " bytes"};
  }
}

bool RecordStream::at_end() {
  if (at_ == end_) refill();
  return at_ == end_;
}

uint8_t RecordStream::read_byte() {
  if (at_end()) {
    fail("the records end early");
    return 0;
  }
  return *at_++;
}

uint64_t RecordStream::read_leb128(size_t max_bytes) {
  while (available() < kLongestNumber && source_) refill();
  size_t limit = std::min(max_bytes, available());
  uint64_t value = 0;
  for (size_t i = 0; i < limit; ++i) {
    uint8_t byte = at_[i];
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      at_ += i + 1;
      return value;
    }
  }
  fail(limit == max_bytes ? "a record holds a number that is too long" : "the records end early");
  return 0;
}

int32_t RecordStream::read_varint() {
  constexpr size_t kMaxBytes = 5;
  auto raw = static_cast<uint32_t>(read_leb128(kMaxBytes));
  return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

int64_t RecordStream::read_varlong() {
  uint64_t raw = read_leb128(kLongestNumber);
  return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

void RecordStream::skip(uint64_t size) {
  while (size > available()) {
    size -= available();
    at_ = end_;
    if (at_end()) return fail("the records end early");
  }
  at_ += size;
}

namespace {

/// Skips a run of bytes behind its length, -1 being null, and returns the length.
int32_t skip_nullable(RecordStream& stream, const char* what) {
  int32_t length = stream.read_varint();
  if (length < -1) stream.fail(std::string("a record has a ") + what + " of negative length");
  if (length > 0) stream.skip(static_cast<uint64_t>(length));
  return length;
}

/// Reads numbers of bytes that lie in one piece. Once there are too few, or a number is longer than it may be, it
/// is no longer ok and yields anything.
class PlainReader {
 public:
  explicit PlainReader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  const uint8_t* at() const { return at_; }

  void skip(int64_t size) {
    ok_ = ok_ && size >= 0 && size <= end_ - at_;
    if (ok_) at_ += size;
  }
  /// Zig-zag over LEB128.
  template <class Int>
  Int read_number() {
    // Nearly all have one byte or two.
    if (end_ - at_ >= 2) {
      uint32_t first = at_[0];
      uint32_t second = at_[1];
      if (first < 0x80) return at_ += 1, unzigzag<Int>(first);
      if (second < 0x80) return at_ += 2, unzigzag<Int>((first & 0x7f) | second << 7);
    }
    return read_long_number<Int>();
  }
  /// Skips a run of bytes behind its length; false when it is null.
  bool skip_nullable() {
    auto length = read_number<int32_t>();
    if (length == -1) return false;
    skip(length);
    return true;
  }

 private:
  template <class Int>
  static Int unzigzag(uint64_t raw) {
    auto value = static_cast<std::make_unsigned_t<Int>>(raw);
    return static_cast<Int>((value >> 1) ^ (~(value & 1) + 1));
  }
  template <class Int>
  Int read_long_number() {
    constexpr unsigned kMostBits = sizeof(Int) == 4 ? 35 : 70;
    uint64_t raw = 0;
    for (unsigned shift = 0; shift < kMostBits && at_ < end_; shift += 7) {
      uint8_t byte = *at_++;
      raw |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return unzigzag<Int>(raw);
    }
    ok_ = false;
    return 0;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool ok_ = true;
};

/// As read_record_shape, where every byte needed is in memory and nothing is wrong: what nearly all records are.
/// Otherwise says nothing.
std::optional<RecordShape> read_plain_shape(RecordStream& stream) {
  PlainReader reader(stream.in_memory());
  RecordShape shape;
  auto length = reader.read_number<int32_t>();
  const uint8_t* begin = reader.at();
  reader.skip(1);  // attributes
  shape.timestamp_delta = reader.read_number<int64_t>();
  shape.offset_delta = reader.read_number<int32_t>();
  shape.has_key = reader.skip_nullable();
  reader.skip_nullable();
  auto headers = reader.read_number<int32_t>();
  for (int32_t i = 0; i < headers && reader.ok(); ++i) {
    if (!reader.skip_nullable()) return std::nullopt;
    reader.skip_nullable();
  }
  if (!reader.ok() || headers < 0 || reader.at() - begin != length) return std::nullopt;
  stream.skip_to(reader.at());
  return shape;
}

}  // namespace

RecordShape read_record_shape(RecordStream& stream) {
  if (auto plain = read_plain_shape(stream)) return *plain;
  RecordShape shape;
  int32_t length = stream.read_varint();
  if (length < 0) stream.fail("a record has a negative length");
  uint64_t end = stream.position() + static_cast<uint64_t>(length);
  stream.read_byte();  // attributes, of which none is in use
  shape.timestamp_delta = stream.read_varlong();
  shape.offset_delta = stream.read_varint();
  shape.has_key = skip_nullable(stream, "key") >= 0;
  skip_nullable(stream, "value");
  int32_t header_count = stream.read_varint();
  if (header_count < 0 || stream.position() + static_cast<uint64_t>(header_count) > end) {
    stream.fail("a record has an impossible number of headers");
  }
  for (int32_t i = 0; i < header_count && stream.ok(); ++i) {
    if (skip_nullable(stream, "header key") < 0) stream.fail("a record has a header without a key");
    skip_nullable(stream, "header value");
  }
  if (stream.position() != end) stream.fail("a record's length does not agree with its contents");
  return shape;
}

}  // namespace gregor
