#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "broker/record/batch.h"
#include "broker/record/compression.h"
#include "runtime/result.h"

namespace gregor {

/// What a topic and the request's version ask of a produced batch, and what time it is.
struct ProduceRules {
  /// Of the whole batch, in bytes: max.message.bytes.
  uint32_t max_message_bytes = 1048588;
  /// Records need keys: cleanup.policy contains compact.
  bool needs_keys = false;
  /// Produce v7 and later.
  bool allows_zstd = true;
  TimestampType timestamp_type = TimestampType::create_time;
  int64_t now_ms = 0;
  /// How far a record's timestamp may lie before and after `now_ms`.
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  int64_t timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  /// How much a batch may decompress to; ours, Kafka has no such bound.
  uint64_t max_plain_size = 256 << 20;
  /// What batches are stored in, for `recompress`: compression.type other than producer.
  std::optional<CompressionTarget> stored_in = std::nullopt;
};

/// One batch that is known to be sound, and what the log has to know of it. A view: the bytes are the request's.
struct ValidatedBatch {
  std::span<uint8_t> bytes;
  int32_t record_count = 0;
  int64_t max_timestamp = kNoTimestamp;
  /// The time that the batch was stamped with, kNoTimestamp under create_time.
  int64_t log_append_time = kNoTimestamp;
  Compression compression = Compression::none;

  BatchView view() const { return *BatchView::probe(bytes); }
};

/// What is wrong with one record of a batch, for the RecordErrors of a produce response.
struct RecordError {
  int32_t batch_index = 0;
  std::string message;
};

struct ProduceValidation {
  Result<ValidatedBatch> batch;
  /// Set only where records, not the batch, are at fault; at most 4096 of them.
  std::vector<RecordError> record_errors;
};

/// Checks what a producer sent for one partition: that it is exactly one intact batch of magic 2 whose header tells
/// the truth about its records, and that those keep the topic's rules (reference: KIP-32, KIP-467, KIP-937).
///
/// One pass, in place. Where the batch is sound its timestamp type and maximum are set to what the topic wants and
/// the records have, as Kafka does; nothing else is changed. A batch with a producer id is accepted as it is: its
/// sequence is the producer state's affair.
/// Errors: corrupt_message (checksum), invalid_record (structure, count, offsets, missing keys, control batch,
/// magic 0 and 1), message_too_large, invalid_timestamp, unsupported_compression_type.
ProduceValidation validate_produced(std::span<uint8_t> records, const ProduceRules& rules);

/// A batch that this broker made itself, as BatchBuilder does, and that needs no checking.
ValidatedBatch trusted_batch(std::span<uint8_t> batch);

}  // namespace gregor
