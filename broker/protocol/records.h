#pragma once

#include <cstdint>

#include "runtime/bytes.h"

namespace gregor::protocol {

/// The value of a `records` field: record batches in memory, or only their size, or null.
///
/// External records are not in the message's bytes: the encoder notes where they belong (MessageWriter::splices)
/// and whoever sends the message puts them there, for instance a slice of a segment file by sendfile. A decoded
/// field is never external: it is a view into the frame.
class Records {
 public:
  Records() = default;
  /// Record batches that outlive this object and the message it stands in.
  static Records view(Bytes batches) { return Records(Kind::view, batches, batches.size()); }
  /// `size` bytes of record batches that are spliced in when the message is sent.
  static Records external(uint64_t size) { return Records(Kind::external, {}, size); }

  bool is_null() const { return kind_ == Kind::null; }
  bool is_external() const { return kind_ == Kind::external; }
  /// The batches; empty for null and external records.
  Bytes bytes() const { return bytes_; }
  uint64_t size() const { return size_; }

 private:
  enum class Kind : uint8_t { null, view, external };
  Records(Kind kind, Bytes bytes, uint64_t size) : kind_(kind), bytes_(bytes), size_(size) {}

  Kind kind_ = Kind::null;
  Bytes bytes_;
  uint64_t size_ = 0;
};

}  // namespace gregor::protocol
