#pragma once

#include <cstdint>
#include <vector>

#include "runtime/byte_writer.h"

namespace gregor::protocol {

/// A place in an encoded message that `size` bytes from elsewhere belong to.
struct Splice {
  /// How many of the written bytes come before it.
  size_t position = 0;
  uint64_t size = 0;

  friend bool operator==(const Splice&, const Splice&) = default;
};

/// What messages are encoded into: bytes, and between them the splices, in the order of the message.
class MessageWriter {
 public:
  ByteWriter& bytes() { return bytes_; }
  const ByteWriter& bytes() const { return bytes_; }
  const std::vector<Splice>& splices() const { return splices_; }
  /// Leaves room for `size` bytes after those written so far.
  void splice(uint64_t size) {
    splices_.push_back({bytes_.size(), size});
    spliced_ += size;
  }
  /// The message's size on the wire: bytes written and spliced.
  uint64_t total_size() const { return bytes_.size() + spliced_; }

 private:
  ByteWriter bytes_;
  std::vector<Splice> splices_;
  uint64_t spliced_ = 0;
};

}  // namespace gregor::protocol
