#include "runtime/byte_reader.h"

#include <bit>

namespace gregor {

double ByteReader::read_float64() { return std::bit_cast<double>(read_int64()); }

void ByteReader::fail() {
  ok_ = false;
  rest_ = {};
}

Bytes ByteReader::read_bytes(size_t size) {
  if (rest_.size() < size) {
    fail();
    return {};
  }
  Bytes bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return bytes;
}

uint64_t ByteReader::read_leb128(int max_bytes) {
  uint64_t value = 0;
  for (int i = 0; i < max_bytes; ++i) {
    auto byte = static_cast<uint8_t>(read_int8());
    if (!ok_) return 0;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return value;
  }
  fail();
  return 0;
}

uint32_t ByteReader::read_unsigned_varint() {
  uint64_t value = read_leb128(5);
  if (value > UINT32_MAX) fail();
  return ok_ ? static_cast<uint32_t>(value) : 0;
}

int32_t ByteReader::read_varint() {
  uint32_t raw = read_unsigned_varint();
  return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

int64_t ByteReader::read_varlong() {
  uint64_t raw = read_leb128(10);
  return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

}  // namespace gregor
