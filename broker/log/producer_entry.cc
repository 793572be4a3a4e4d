#include "broker/log/producer_entry.h"

#include <algorithm>

namespace gregor {
namespace {

/// How many sequence numbers there are, from 0 on.
constexpr int64_t kSequences = int64_t(1) << 31;

}  // namespace

int32_t sequence_after(int32_t sequence, int32_t distance) {
  if (sequence == kNoSequence) return kNoSequence;
  // In 64 bits, since a log that somebody else wrote may claim anything.
  int64_t next = int64_t(sequence) + distance;
  return static_cast<int32_t>(next >= kSequences ? next - kSequences : next);
}

int32_t last_sequence(const BatchView& batch) {
  return sequence_after(batch.base_sequence(), batch.last_offset_delta());
}

int32_t ProducedBatch::first_sequence() const {
  int64_t first = int64_t(last_sequence) - offset_delta;
  return static_cast<int32_t>(first < 0 ? first + kSequences : first);
}

std::optional<Offset> ProducerEntry::transaction_start() const {
  if (transaction_start_ == kNoOffset) return std::nullopt;
  return transaction_start_;
}

const ProducedBatch* ProducerEntry::find(int16_t epoch, int32_t first_sequence, int32_t last_sequence) const {
  if (epoch != epoch_) return nullptr;
  auto matches = [&](const ProducedBatch& batch) {
    return batch.last_sequence == last_sequence && batch.first_sequence() == first_sequence;
  };
  if (batch_count_ == 0) return nullptr;
  if (matches(last_)) return &last_;
  for (size_t i = 0; i + 1 < batch_count_; ++i) {
    if (matches((*older_)[i])) return &(*older_)[i];
  }
  return nullptr;
}

void ProducerEntry::set_epoch(int16_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  batch_count_ = 0;
}

void ProducerEntry::add(const ProducedBatch& batch) {
  if (batch_count_ > 0) {
    if (!older_) older_ = std::make_unique<Older>();
    std::move_backward(older_->begin(), older_->end() - 1, older_->end());
    older_->front() = last_;
  }
  last_ = batch;
  last_timestamp_ = batch.timestamp;
  if (batch_count_ < kRememberedBatches) ++batch_count_;
}

void ProducerEntry::end_transaction(int32_t coordinator_epoch, int64_t timestamp) {
  coordinator_epoch_ = coordinator_epoch;
  last_timestamp_ = timestamp;
  transaction_start_ = kNoOffset;
}

}  // namespace gregor
