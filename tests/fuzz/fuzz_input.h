#pragma once

#include <cstdint>
#include <optional>

#include "runtime/assert.h"
#include "runtime/byte_reader.h"
#include "runtime/bytes.h"
#include "runtime/logging.h"

namespace gregor::fuzz {

/// Takes a fuzzer's bytes apart. Total: behind the end everything is zero and empty.
class FuzzInput {
 public:
  explicit FuzzInput(Bytes bytes) : reader_(bytes) {}

  bool at_end() const { return reader_.remaining() == 0; }
  Bytes rest() const { return reader_.rest(); }

  uint8_t byte() { return static_cast<uint8_t>(reader_.read_int8()); }
  int16_t int16() { return reader_.read_int16(); }
  int32_t int32() { return reader_.read_int32(); }
  int64_t int64() { return reader_.read_int64(); }
  /// What stands behind two bytes of its size, or the rest where there is less.
  Bytes piece() {
    size_t size = reader_.read_uint16();
    return reader_.read_bytes(size < reader_.remaining() ? size : reader_.remaining());
  }

 private:
  ByteReader reader_;
};

/// A fuzzer has no use for the lines that bad input makes the code log.
inline void be_quiet() {
  static const bool is_quiet = log::set_level(log::kRootLogger, log::Level::fatal);
  ASSERT(is_quiet);
}

}  // namespace gregor::fuzz

/// What every target is: handles one input, and crashes where a property does not hold.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
