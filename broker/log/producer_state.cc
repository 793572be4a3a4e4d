#include "broker/log/producer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "broker/record/end_marker.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

bool follows(int32_t last, int32_t next) {
  return (last == kMaxSequence && next == 0) || static_cast<int64_t>(next) == static_cast<int64_t>(last) + 1;
}

/// "producer 7 at offset 12 in partition orders-0"
std::string place_of(const BatchView& batch, const TopicPartition& partition) {
  return fmt::format("producer {} at offset {} in partition {}", batch.producer_id(), batch.base_offset().value,
                     partition.to_string());
}

const ProducerEntry& unknown_producer() {
  static const ProducerEntry kUnknown;
  return kUnknown;
}

}  // namespace

const ProducerEntry* ProducerState::find(int64_t producer_id) const {
  auto found = producers_.find(producer_id);
  return found == producers_.end() ? nullptr : &found->second;
}

const ProducedBatch* ProducerState::find_duplicate(const BatchView& batch) const {
  const ProducerEntry* entry = find(batch.producer_id());
  if (entry == nullptr || batch.is_control()) return nullptr;
  return entry->find(batch.producer_epoch(), batch.base_sequence(), last_sequence(batch));
}

Result<void> ProducerState::check(const BatchView& batch, const AppendRules& rules,
                                  const TopicPartition& partition) const {
  const ProducerEntry* known = find(batch.producer_id());
  const ProducerEntry& entry = known != nullptr ? *known : unknown_producer();
  if (batch.is_transactional() && !batch.is_control() && !entry.transaction_start() &&
      !rules.may_begin_transaction) {
    return Error{ErrorCode::invalid_txn_state,
                 fmt::format("The batch of {} belongs to no ongoing transaction", place_of(batch, partition))};
  }
  if (auto checked = check_epoch(batch, entry, partition); !checked) return checked;
  if (batch.is_control()) return check_marker(batch, entry, partition);
  if (rules.origin == AppendOrigin::client) {
    if (auto checked = check_sequence(batch, entry, partition); !checked) return checked;
  }
  return check_transaction(batch, entry, partition);
}

Result<void> ProducerState::check_epoch(const BatchView& batch, const ProducerEntry& entry,
                                        const TopicPartition& partition) const {
  if (batch.producer_epoch() >= entry.epoch()) return {};
  return Error{ErrorCode::invalid_producer_epoch,
               fmt::format("Epoch of {} is {}, which is smaller than the last seen epoch {}",
                           place_of(batch, partition), batch.producer_epoch(), entry.epoch())};
}

Result<void> ProducerState::check_sequence(const BatchView& batch, const ProducerEntry& entry,
                                           const TopicPartition& partition) const {
  // Of an unknown producer any sequence is taken: its records may have been deleted.
  if (entry.epoch() == kNoProducerEpoch) return {};
  if (batch.producer_epoch() != entry.epoch()) {
    if (batch.base_sequence() == 0) return {};
    return Error{
        ErrorCode::out_of_order_sequence_number,
        fmt::format("Invalid sequence number for new epoch of {}: {} (request epoch), {} (seq. number), "
                    "{} (current producer epoch)",
                    place_of(batch, partition), batch.producer_epoch(), batch.base_sequence(), entry.epoch())};
  }
  if (follows(entry.last_sequence(), batch.base_sequence())) return {};
  return Error{ErrorCode::out_of_order_sequence_number,
               fmt::format("Out of order sequence number for {}: {} (incoming seq. number), "
                           "{} (current end sequence number)",
                           place_of(batch, partition), batch.base_sequence(), entry.last_sequence())};
}

Result<void> ProducerState::check_transaction(const BatchView& batch, const ProducerEntry& entry,
                                              const TopicPartition& partition) const {
  if (!entry.transaction_start() || batch.is_transactional()) return {};
  return Error{ErrorCode::invalid_txn_state,
               fmt::format("Expected a transactional write from {}, whose transaction began at offset {}",
                           place_of(batch, partition), entry.transaction_start()->value)};
}

Result<void> ProducerState::check_marker(const BatchView& batch, const ProducerEntry& entry,
                                         const TopicPartition& partition) const {
  auto marker = read_end_marker(batch);
  if (!marker) return marker.error();
  if (!*marker || (*marker)->coordinator_epoch >= entry.coordinator_epoch()) return {};
  return Error{ErrorCode::transaction_coordinator_fenced,
               fmt::format("Invalid coordinator epoch for {}: {} (zombie), {} (current)",
                           place_of(batch, partition), (*marker)->coordinator_epoch, entry.coordinator_epoch())};
}

std::optional<CompletedTransaction> ProducerState::note(const BatchView& batch) {
  if (batch.is_control()) return note_marker(batch);
  ProducerEntry& entry = producers_[batch.producer_id()];
  if (batch.producer_epoch() < entry.epoch()) {
    log::warn("took a batch of an old epoch from the log's leader producer_id={} offset={} epoch={} known_epoch={}",
              batch.producer_id(), batch.base_offset().value, batch.producer_epoch(), entry.epoch());
  }
  entry.set_epoch(batch.producer_epoch());
  // By offsets, not by what the batch claims: compaction may have emptied it.
  auto delta = static_cast<int32_t>(batch.last_offset() - batch.base_offset());
  entry.add({batch.last_offset(), batch.max_timestamp(), last_sequence(batch), delta});
  if (batch.is_transactional() && !entry.transaction_start()) {
    entry.begin_transaction(batch.base_offset());
    ongoing_[batch.base_offset()] = batch.producer_id();
  }
  return std::nullopt;
}

std::optional<CompletedTransaction> ProducerState::note_marker(const BatchView& batch) {
  auto marker = read_end_marker(batch);
  if (!marker) {
    log::warn("passed over a control batch producer_id={} because: {}", batch.producer_id(),
              marker.error().message);
    return std::nullopt;
  }
  if (!*marker) return std::nullopt;  // compaction removed the whole transaction
  ProducerEntry& entry = producers_[batch.producer_id()];
  std::optional<Offset> start = entry.transaction_start();
  entry.set_epoch(batch.producer_epoch());
  entry.end_transaction((*marker)->coordinator_epoch, (*marker)->timestamp_ms);
  // A marker without records before it decides nothing.
  if (!start) return std::nullopt;
  return complete(batch.producer_id(), *start, batch.base_offset(), (*marker)->is_abort);
}

CompletedTransaction ProducerState::complete(int64_t producer_id, Offset first_offset, Offset last_offset,
                                             bool is_abort) {
  ongoing_.erase(first_offset);
  unreplicated_[first_offset] = last_offset;
  Offset stable = ongoing_.empty() ? last_offset + 1 : ongoing_.begin()->first;
  return {producer_id, first_offset, last_offset, is_abort, stable};
}

std::optional<Offset> ProducerState::first_unstable_offset() const {
  std::optional<Offset> first;
  if (!ongoing_.empty()) first = ongoing_.begin()->first;
  if (!unreplicated_.empty() && (!first || unreplicated_.begin()->first < *first)) {
    first = unreplicated_.begin()->first;
  }
  return first;
}

void ProducerState::forget_completed_below(Offset offset) {
  if (unreplicated_.empty()) return;
  std::erase_if(unreplicated_, [offset](const auto& transaction) { return transaction.second < offset; });
}

void ProducerState::restore(int64_t producer_id, ProducerEntry entry) {
  if (entry.transaction_start()) ongoing_[*entry.transaction_start()] = producer_id;
  producers_[producer_id] = std::move(entry);
}

void ProducerState::expire(int64_t now_ms, int64_t expiration_ms) {
  std::erase_if(producers_, [=](const auto& producer) {
    const ProducerEntry& entry = producer.second;
    return !entry.transaction_start() && now_ms - entry.last_timestamp() >= expiration_ms;
  });
}

void ProducerState::clear() {
  producers_.clear();
  ongoing_.clear();
  unreplicated_.clear();
}

}  // namespace gregor
