#include "runtime/byte_writer.h"

#include <bit>

namespace gregor {

void ByteWriter::write_float64(double value) { write_int64(std::bit_cast<int64_t>(value)); }

void ByteWriter::write_leb128(uint64_t value) {
  while (value >= 0x80) {
    *buffer_.extend(1) = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *buffer_.extend(1) = static_cast<uint8_t>(value);
}

}  // namespace gregor
