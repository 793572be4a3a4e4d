#include "broker/log/producer_entry.h"

#include <algorithm>
#include <limits>

namespace gregor {
namespace {

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

}  // namespace

int32_t sequence_after(int32_t sequence, int32_t distance) {
  if (sequence == kNoSequence) return kNoSequence;
  if (sequence > kMaxSequence - distance) return distance - (kMaxSequence - sequence) - 1;
  return sequence + distance;
}

int32_t last_sequence(const BatchView& batch) {
  return sequence_after(batch.base_sequence(), batch.last_offset_delta());
}

int32_t ProducedBatch::first_sequence() const {
  if (last_sequence < offset_delta) return kMaxSequence - (offset_delta - last_sequence) + 1;
  return last_sequence - offset_delta;
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
