#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/record/compression.h"

namespace gregor {

/// The uncompressed bytes of a batch's records, read number by number; values are skipped without being held.
///
/// Total, like ByteReader: once something is wrong the stream has failed, and reads yield zero. Of a compressed
/// batch at most one small window is in memory, and after `max_plain_size` bytes the stream fails, so that a
/// decompression bomb costs neither memory nor unbounded time.
class RecordStream {
 public:
  /// Over the payload of a whole batch, which must outlive the stream.
  RecordStream(Compression codec, Bytes payload, uint64_t max_plain_size);

  bool ok() const { return !error_; }
  const Error& error() const { return *error_; }
  /// True when every byte has been read, or the stream has failed.
  bool at_end();
  /// How many bytes have been read or skipped.
  uint64_t position() const { return window_begin_ + static_cast<uint64_t>(at_ - window_); }

  uint8_t read_byte();
  /// Zig-zag over LEB128: Kafka's VARINT and VARLONG.
  int32_t read_varint();
  int64_t read_varlong();
  void skip(uint64_t size);
  /// What comes next, as much of it as is in memory.
  Bytes in_memory() const { return {at_, available()}; }
  /// Goes on at `at`, which lies within `in_memory` or at its end.
  void skip_to(const uint8_t* at) { at_ = at; }
  /// Makes the stream fail with invalid_record, for a reader that found a value which can't be right.
  void fail(std::string why);

 private:
  static constexpr size_t kLongestNumber = 10;

  size_t available() const { return static_cast<size_t>(end_ - at_); }
  uint64_t read_leb128(size_t max_bytes);
  /// Keeps what is unread and adds what comes next, if there is a source.
  void refill();

  std::unique_ptr<Decompressor> source_;  ///< null once it is exhausted, and for uncompressed records
  uint64_t max_plain_size_;
  Buffer buffer_;
  const uint8_t* window_ = nullptr;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t window_begin_ = 0;  ///< how many bytes came before `window_`
  std::optional<Error> error_;
};

/// What a record's frame says, without its contents.
struct RecordShape {
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  bool has_key = false;
};

/// Reads one record and checks that its lengths agree with each other; otherwise the stream has failed.
RecordShape read_record_shape(RecordStream& stream);

}  // namespace gregor
