#pragma once

#include <optional>

#include "broker/record/batch.h"
#include "runtime/buffer.h"
#include "runtime/byte_writer.h"

namespace gregor {

struct LegacyOptions {
  int8_t magic = 1;                       ///< 0 or 1
  Compression codec = Compression::none;  ///< not zstd
  TimestampType timestamp_type = TimestampType::create_time;
};

/// Collects records and makes a message set of magic 0 or 1 of them: message by message, or one wrapper with all of
/// them inside where there is a codec.
class LegacyBuilder {
 public:
  explicit LegacyBuilder(LegacyOptions options) : options_(options) {}

  /// Adds a record behind the others, whose offsets are lower. Under log_append_time all have the same timestamp.
  void add(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value);
  /// The finished set, empty when nothing was added; the builder is empty afterwards.
  Buffer build();

 private:
  bool is_wrapped() const { return options_.codec != Compression::none; }
  void write_message(ByteWriter& writer, Compression codec, Offset offset, int64_t timestamp_ms,
                     std::optional<Bytes> key, std::optional<Bytes> value) const;
  Buffer compressed(Bytes messages) const;

  const LegacyOptions options_;
  ByteWriter messages_;
  Offset first_offset_;
  Offset last_offset_;
  int64_t max_timestamp_ = kNoTimestamp;
};

}  // namespace gregor
