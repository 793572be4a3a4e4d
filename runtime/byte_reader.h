#pragma once

#include <cstdint>

#include "runtime/bytes.h"

namespace gregor {

/// Reads big-endian integers, varints and runs of bytes from the front of a view.
///
/// Total: a read beyond the end, or of a varint that is too long, yields zero or an empty view and leaves the
/// reader failed for good; `ok()` is asked once at the end. Nothing is copied: the views returned point into the
/// input.
class ByteReader {
 public:
  explicit ByteReader(Bytes input) : rest_(input) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }
  Bytes rest() const { return rest_; }

  int8_t read_int8() { return read_integer<int8_t>(); }
  int16_t read_int16() { return read_integer<int16_t>(); }
  uint16_t read_uint16() { return read_integer<uint16_t>(); }
  int32_t read_int32() { return read_integer<int32_t>(); }
  uint32_t read_uint32() { return read_integer<uint32_t>(); }
  int64_t read_int64() { return read_integer<int64_t>(); }
  double read_float64();

  /// LEB128, at most 5 bytes and 32 bits: Kafka's UNSIGNED_VARINT.
  uint32_t read_unsigned_varint();
  /// Zig-zag over LEB128: Kafka's VARINT and VARLONG.
  int32_t read_varint();
  int64_t read_varlong();

  /// The next `size` bytes.
  Bytes read_bytes(size_t size);
  void skip(size_t size) { read_bytes(size); }
  /// Makes the reader fail, for a caller that found a value which can't be right.
  void fail();

 private:
  template <class Int>
  Int read_integer() {
    if (rest_.size() < sizeof(Int)) {
      fail();
      return 0;
    }
    Int value;
    if constexpr (sizeof(Int) == 1) {
      value = static_cast<Int>(rest_[0]);
    } else {
      value = load_big_endian<Int>(rest_.data());
    }
    rest_ = rest_.subspan(sizeof(Int));
    return value;
  }
  uint64_t read_leb128(int max_bytes);

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace gregor
