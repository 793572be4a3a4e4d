#include "broker/record/record_stream.h"

#include <algorithm>
#include <cstring>

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

}  // namespace

RecordShape read_record_shape(RecordStream& stream) {
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
