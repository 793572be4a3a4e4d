#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/record/batch.h"
#include "broker/record/compression.h"
#include "runtime/buffer.h"
#include "runtime/byte_writer.h"

namespace gregor {

/// What a batch says about itself besides its records.
struct BatchOptions {
  Compression codec = Compression::none;
  int level = kDefaultLevel;  ///< as in CompressionTarget
  TimestampType timestamp_type = TimestampType::create_time;
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kNoEpoch;
  int64_t producer_id = kNoProducerId;
  int16_t producer_epoch = -1;
  int32_t base_sequence = kNoSequence;
  bool is_transactional = false;
  bool is_control = false;
};

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

/// Collects records and makes one batch of magic 2 of them.
class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options = {}) : options_(options) {}

  /// Adds a record behind the others. `timestamp_ms` is kNoTimestamp or not negative.
  BatchBuilder& add(int64_t timestamp_ms, std::optional<std::string_view> key,
                    std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});

  int32_t record_count() const { return count_; }
  /// The finished batch; the builder is empty afterwards.
  Buffer build();

 private:
  BatchOptions options_;
  ByteWriter records_;
  int32_t count_ = 0;
  int64_t base_timestamp_ = kNoTimestamp;
  int64_t max_timestamp_ = kNoTimestamp;
};

}  // namespace gregor
