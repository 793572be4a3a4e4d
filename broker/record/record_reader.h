#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/record/batch.h"
#include "runtime/buffer.h"
#include "runtime/byte_reader.h"
#include "runtime/result.h"

namespace gregor {

struct HeaderView {
  std::string_view key;
  std::optional<Bytes> value;
};

/// One record in place; its views live as long as the reader and the batch that it came from.
struct RecordView {
  Offset offset;
  int64_t timestamp = kNoTimestamp;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  std::vector<HeaderView> headers;
};

/// Reads the contents of a whole magic 2 batch, decompressing it into memory first.
class RecordReader {
 public:
  /// Errors: message_too_large when the records take more than `max_size` bytes, invalid_record when they do not
  /// decompress, unsupported_for_message_format for magic 0 and 1.
  static Result<RecordReader> open(const BatchView& batch, size_t max_size = 256 << 20);

  /// The next record, none after the last. Error: invalid_record, after which the reader is at its end.
  Result<std::optional<RecordView>> next();

 private:
  RecordReader(const BatchView& batch, Buffer plain);
  RecordView read_record(ByteReader& record);

  BatchView batch_;
  Buffer plain_;
  ByteReader rest_;
  int32_t left_;
};

}  // namespace gregor
