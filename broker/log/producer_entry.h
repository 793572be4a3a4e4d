#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "broker/record/batch.h"

namespace gregor {

inline constexpr int16_t kNoProducerEpoch = -1;

/// The sequence number `distance` behind `sequence`: after 2147483647 comes 0. kNoSequence stays what it is.
int32_t sequence_after(int32_t sequence, int32_t distance);
/// The sequence number of the last record of `batch`.
int32_t last_sequence(const BatchView& batch);

/// What is remembered of a batch, so that its repetition is known and can be answered.
struct ProducedBatch {
  Offset last_offset;
  int64_t timestamp = kNoTimestamp;  ///< the greatest in the batch
  int32_t last_sequence = kNoSequence;
  int32_t offset_delta = 0;  ///< from the first record to the last, in offsets and in sequence numbers

  Offset first_offset() const { return last_offset + -static_cast<int64_t>(offset_delta); }
  int32_t first_sequence() const;
};

/// What a partition knows of one producer: its epoch, its last five batches, the transaction it has begun.
///
/// Most producers send few batches to a partition, so the memory for more than one is taken when it is needed.
class ProducerEntry {
 public:
  static constexpr size_t kRememberedBatches = 5;

  int16_t epoch() const { return epoch_; }
  int32_t coordinator_epoch() const { return coordinator_epoch_; }
  /// The time of the last batch or marker, in milliseconds.
  int64_t last_timestamp() const { return last_timestamp_; }
  /// Where the transaction under way began in this partition.
  std::optional<Offset> transaction_start() const;

  size_t batch_count() const { return batch_count_; }
  /// The youngest batch under the present epoch, null when there is none.
  const ProducedBatch* last_batch() const { return batch_count_ == 0 ? nullptr : &last_; }
  /// kNoSequence when there is no batch.
  int32_t last_sequence() const { return batch_count_ == 0 ? kNoSequence : last_.last_sequence; }
  /// The remembered batch with exactly these sequence numbers, null when there is none.
  const ProducedBatch* find(int16_t epoch, int32_t first_sequence, int32_t last_sequence) const;

  /// A new epoch begins: what is remembered of the one before goes.
  void set_epoch(int16_t epoch);
  void add(const ProducedBatch& batch);
  void begin_transaction(Offset first_offset) { transaction_start_ = first_offset; }
  void end_transaction(int32_t coordinator_epoch, int64_t timestamp);

 private:
  using Older = std::array<ProducedBatch, kRememberedBatches - 1>;

  ProducedBatch last_;
  std::unique_ptr<Older> older_;  ///< the batches before the last, youngest first
  int64_t last_timestamp_ = kNoTimestamp;
  Offset transaction_start_ = kNoOffset;
  int32_t coordinator_epoch_ = -1;
  int16_t epoch_ = kNoProducerEpoch;
  uint8_t batch_count_ = 0;
};

}  // namespace gregor
