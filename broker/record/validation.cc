#include "broker/record/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "broker/record/record_stream.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr size_t kMaxRecordErrors = 4096;

Error invalid_record(std::string why) { return {ErrorCode::invalid_record, std::move(why)}; }

/// The one batch that `records` must be, not yet looked into.
Result<BatchView> only_batch(Bytes records) {
  using namespace batch_layout;
  if (records.size() < kProbeSize) return invalid_record("the record set is too short to hold a batch");
  auto magic = static_cast<int8_t>(records[kMagic]);
  if (magic == 0 || magic == 1) {
    return invalid_record(fmt::format("magic {} is taken before version 3 of the produce request only", magic));
  }
  if (magic != 2) return Error{ErrorCode::corrupt_message, fmt::format("unknown magic {}", magic)};
  auto batch = BatchView::probe(records);
  if (!batch) return Error{ErrorCode::corrupt_message, "the batch is shorter than its header"};
  if (batch->size() > records.size()) return invalid_record("the batch claims more bytes than were sent");
  if (batch->size() < records.size()) return invalid_record("the record set holds more than exactly one batch");
  return *batch;
}

Result<void> check_codec(const BatchView& batch, const ProduceRules& rules) {
  Compression codec = batch.compression();
  if (codec > Compression::zstd) {
    return Error{ErrorCode::unsupported_compression_type, fmt::format("unknown codec {}", static_cast<int>(codec))};
  }
  if (codec == Compression::zstd && !rules.allows_zstd) {
    return Error{ErrorCode::unsupported_compression_type, "zstd needs version 7 or later of the produce request"};
  }
  return {};
}

/// Everything that the header alone tells, in the order in which Kafka looks.
Result<void> check_header(const BatchView& batch, const ProduceRules& rules) {
  if (auto codec = check_codec(batch, rules); !codec) return codec;
  if (batch.base_offset() != Offset(0)) {
    return invalid_record(fmt::format("a produced batch begins at offset 0, not {}", batch.base_offset().value));
  }
  if (batch.size() > rules.max_message_bytes) {
    return Error{ErrorCode::message_too_large, fmt::format("the batch has {} bytes, more than the {} allowed",
                                                           batch.size(), rules.max_message_bytes)};
  }
  if (!batch.is_intact()) {
    return Error{ErrorCode::corrupt_message, fmt::format("the batch's checksum is not {:08x}", batch.crc())};
  }
  if (batch.last_offset_delta() < 0) return invalid_record("the batch has a negative last offset delta");
  if (batch.record_count() <= 0)
    return invalid_record(fmt::format("the batch claims {} records", batch.record_count()));
  if (batch.record_count() - 1 != batch.last_offset_delta()) {
    return invalid_record(fmt::format("the batch claims {} records but offsets 0 to {}", batch.record_count(),
                                      batch.last_offset_delta()));
  }
  if (batch.is_control()) return invalid_record("clients are not allowed to write control records");
  if (batch.producer_id() >= 0 && batch.base_sequence() < 0) {
    return invalid_record(
        fmt::format("invalid sequence {} with producer id {}", batch.base_sequence(), batch.producer_id()));
  }
  return {};
}

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

/// Walks the records of one batch and collects what is wrong with single ones.
class RecordWalk {
 public:
  RecordWalk(const BatchView& batch, const ProduceRules& rules)
      : batch_(batch),
        rules_(rules),
        earliest_(saturating_add(rules.now_ms, -rules.timestamp_before_max_ms)),
        latest_(saturating_add(rules.now_ms, rules.timestamp_after_max_ms)) {}

  /// Errors: where the structure is broken, so that no single record can be blamed.
  Result<void> run();
  int64_t max_timestamp() const { return max_timestamp_; }
  /// The error that the records' own faults amount to, if there are any.
  std::optional<Error> verdict() const;
  std::vector<RecordError> take_errors() { return std::move(errors_); }

 private:
  void check_record(int32_t index, const RecordShape& shape);
  void check_timestamp(int32_t index, int64_t timestamp);
  int64_t create_time_of(const RecordShape& shape) const {
    return static_cast<int64_t>(static_cast<uint64_t>(batch_.base_timestamp()) +
                                static_cast<uint64_t>(shape.timestamp_delta));
  }
  /// As the batch has it that was sent.
  int64_t claimed_time_of(const RecordShape& shape) const {
    bool is_append_time = batch_.timestamp_type() == TimestampType::log_append_time;
    return is_append_time ? batch_.max_timestamp() : create_time_of(shape);
  }
  void blame(int32_t index, std::string message);

  const BatchView& batch_;
  const ProduceRules& rules_;
  const int64_t earliest_;  ///< that a record may claim, as `latest_`
  const int64_t latest_;
  int64_t max_timestamp_ = kNoTimestamp;
  size_t faulty_ = 0;
  bool has_bad_timestamp_ = false;
  std::vector<RecordError> errors_;
};

Result<void> RecordWalk::run() {
  RecordStream stream(batch_.compression(), batch_.payload(), rules_.max_plain_size);
  for (int32_t index = 0; index < batch_.record_count(); ++index) {
    RecordShape shape = read_record_shape(stream);
    if (!stream.ok()) return stream.error();
    if (shape.offset_delta != index) {
      return invalid_record(fmt::format("record {} has offset delta {}", index, shape.offset_delta));
    }
    check_record(index, shape);
  }
  if (!stream.at_end()) return invalid_record("there are bytes behind the last record");
  if (!stream.ok()) return stream.error();
  return {};
}

void RecordWalk::check_record(int32_t index, const RecordShape& shape) {
  if (rules_.needs_keys && !shape.has_key) return blame(index, "a compacted topic takes no record without a key");
  // The batch loses its claim to an append time, so that these are the times that consumers will see.
  max_timestamp_ = std::max(max_timestamp_, create_time_of(shape));
  check_timestamp(index, claimed_time_of(shape));
}

void RecordWalk::check_timestamp(int32_t index, int64_t timestamp) {
  if (rules_.timestamp_type == TimestampType::create_time && timestamp != kNoTimestamp) {
    if (timestamp >= earliest_ && timestamp <= latest_) return;
    has_bad_timestamp_ = true;
    blame(index,
          fmt::format("timestamp {} is out of range: at most {} ms before and {} ms after {} are allowed",
                      timestamp, rules_.timestamp_before_max_ms, rules_.timestamp_after_max_ms, rules_.now_ms));
  } else if (batch_.timestamp_type() == TimestampType::log_append_time) {
    has_bad_timestamp_ = true;
    blame(index, "a producer must not set the timestamp type to LogAppendTime");
  }
}

void RecordWalk::blame(int32_t index, std::string message) {
  ++faulty_;
  if (errors_.size() < kMaxRecordErrors) errors_.push_back({index, std::move(message)});
}

std::optional<Error> RecordWalk::verdict() const {
  if (faulty_ == 0) return std::nullopt;
  if (has_bad_timestamp_) {
    return Error{ErrorCode::invalid_timestamp, "One or more records have been rejected due to invalid timestamp"};
  }
  return invalid_record(fmt::format("One or more records have been rejected: {} of {}, the first because {}",
                                    faulty_, batch_.record_count(), errors_.front().message));
}

}  // namespace

ProduceValidation validate_produced(std::span<uint8_t> records, const ProduceRules& rules) {
  auto batch = only_batch(records);
  if (!batch) return {batch.error(), {}};
  if (auto header = check_header(*batch, rules); !header) return {header.error(), {}};
  RecordWalk walk(*batch, rules);
  if (auto walked = walk.run(); !walked) return {walked.error(), {}};
  if (auto verdict = walk.verdict()) return {std::move(*verdict), walk.take_errors()};

  bool is_append_time = rules.timestamp_type == TimestampType::log_append_time;
  int64_t max_timestamp = is_append_time ? rules.now_ms : walk.max_timestamp();
  patch_max_timestamp(records, rules.timestamp_type, max_timestamp);
  ValidatedBatch validated = trusted_batch(records);
  validated.log_append_time = is_append_time ? rules.now_ms : kNoTimestamp;
  return {validated, {}};
}

ValidatedBatch trusted_batch(std::span<uint8_t> batch) {
  auto view = BatchView::probe(batch);
  ASSERT(view && view->size() == batch.size() && !view->is_legacy());
  ValidatedBatch trusted;
  trusted.bytes = batch;
  trusted.record_count = view->record_count();
  trusted.max_timestamp = view->max_timestamp();
  trusted.compression = view->compression();
  return trusted;
}

}  // namespace gregor
