#pragma once

#include <optional>

#include "broker/record/batch.h"
#include "broker/record/record_reader.h"
#include "runtime/buffer.h"
#include "runtime/result.h"

namespace gregor {

/// Cuts the first message off a message set of magic 0 or 1. Whether it is intact is not looked at.
///
/// Errors: corrupt_message when its size or magic can't be, invalid_record when the set ends within it or it is a
/// batch of magic 2.
Result<BatchView> take_message(Bytes& message_set);

/// Reads one entry of a message set of magic 0 or 1: a message, or the messages inside a compressed wrapper. What a
/// message lacks a record lacks too: headers, and in magic 0 the timestamp.
class LegacyReader {
 public:
  /// `entry` is whole and must outlive the reader. Errors: corrupt_message (checksum), unsupported_compression_type
  /// (unknown codec), invalid_record (what the wrapper holds does not decompress or is no message set),
  /// message_too_large when it decompresses to more than `max_plain_size` bytes.
  static Result<LegacyReader> open(const BatchView& entry, size_t max_plain_size = 256 << 20);

  /// The next message, none after the last. Errors: corrupt_message (checksum), invalid_record, after which the
  /// reader is at its end.
  Result<std::optional<RecordView>> next();

 private:
  LegacyReader(const BatchView& entry, Buffer plain);

  bool is_wrapped() const { return entry_.compression() != Compression::none; }
  Result<void> resolve_offsets();
  Result<RecordView> read_next();

  BatchView entry_;
  Buffer plain_;  ///< the messages inside a wrapper
  Bytes rest_;
  uint64_t base_offset_ = 0;  ///< what the offsets inside a wrapper are relative to
};

}  // namespace gregor
