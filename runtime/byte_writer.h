#pragma once

#include <cstdint>
#include <utility>

#include "runtime/buffer.h"
#include "runtime/bytes.h"

namespace gregor {

/// Appends big-endian integers, varints and runs of bytes to a Buffer that it owns.
class ByteWriter {
 public:
  size_t size() const { return buffer_.size(); }
  Bytes view() const { return buffer_.view(); }
  /// The buffer written so far; the writer is empty afterwards.
  Buffer take() { return std::exchange(buffer_, Buffer()); }

  void write_int8(int8_t value) { *buffer_.extend(1) = static_cast<uint8_t>(value); }
  void write_int16(int16_t value) { write_integer(value); }
  void write_uint16(uint16_t value) { write_integer(value); }
  void write_int32(int32_t value) { write_integer(value); }
  void write_uint32(uint32_t value) { write_integer(value); }
  void write_int64(int64_t value) { write_integer(value); }
  void write_float64(double value);

  void write_unsigned_varint(uint32_t value) { write_leb128(value); }
  void write_varint(int32_t value) {
    write_leb128((static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
  }
  void write_varlong(int64_t value) {
    write_leb128((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }

  void write_bytes(Bytes bytes) { buffer_.append(bytes); }
  /// Overwrites four bytes written before, for a length that is known only afterwards.
  void patch_int32(size_t position, int32_t value) { store_big_endian(buffer_.data() + position, value); }

 private:
  template <class Int>
  void write_integer(Int value) {
    store_big_endian(buffer_.extend(sizeof value), value);
  }
  void write_leb128(uint64_t value);

  Buffer buffer_;
};

}  // namespace gregor
