#pragma once

#include <map>
#include <unordered_map>

#include "broker/log/producer_entry.h"
#include "broker/types/topic_partition.h"
#include "runtime/result.h"

namespace gregor {

/// Where a batch comes from, which says what has to be checked: a leader trusts its own coordinators' sequence
/// numbers, and a follower trusts all that its leader took.
enum class AppendOrigin { client, coordinator, replication };

/// What a leader asks of a batch besides that it is sound.
struct AppendRules {
  AppendOrigin origin = AppendOrigin::client;
  /// The transaction coordinator said that the batch belongs to a transaction, or nobody has to ask it.
  bool may_begin_transaction = true;
};

/// A transaction whose marker was just appended to this partition.
struct CompletedTransaction {
  int64_t producer_id = kNoProducerId;
  Offset first_offset;
  Offset last_offset;  ///< of the marker
  bool is_abort = false;
  /// The first offset that is undecided now.
  Offset last_stable_offset;
};

/// What a partition knows of those who produce to it: the last batches of each, by which repetitions and gaps are
/// told, and the transactions under way, by which the last stable offset is (KIP-98, KIP-360).
///
/// No I/O and no clock. Owned by LogProducers, on the partition's shard.
class ProducerState {
 public:
  const std::unordered_map<int64_t, ProducerEntry>& producers() const { return producers_; }
  /// Null when nothing is known of the producer.
  const ProducerEntry* find(int64_t producer_id) const;
  /// There is nothing that reading the log again could tell.
  /// How many producers are remembered.
  size_t size() const { return producers_.size(); }
  bool is_empty() const { return producers_.empty() && unreplicated_.empty(); }

  /// The remembered batch that `batch` repeats, null when it is new.
  const ProducedBatch* find_duplicate(const BatchView& batch) const;
  /// Whether a leader may take `batch`, whose offsets are assigned and which has a producer id. Errors:
  /// invalid_producer_epoch, out_of_order_sequence_number, invalid_txn_state, transaction_coordinator_fenced,
  /// invalid_record (a marker that is none).
  Result<void> check(const BatchView& batch, const AppendRules& rules, const TopicPartition& partition) const;
  /// Takes in an appended batch with a producer id; what a replica is sent it takes as it is.
  std::optional<CompletedTransaction> note(const BatchView& batch);

  /// The first offset that is undecided, or decided by a marker that not all replicas are known to have. None when
  /// all is stable.
  std::optional<Offset> first_unstable_offset() const;
  /// Markers below `offset` are on all replicas, or gone.
  void forget_completed_below(Offset offset);

  /// Adds what a snapshot says of a producer.
  void restore(int64_t producer_id, ProducerEntry entry);
  /// Forgets who has been idle for `expiration_ms` and has no transaction under way.
  void expire(int64_t now_ms, int64_t expiration_ms);
  void clear();

 private:
  Result<void> check_epoch(const BatchView& batch, const ProducerEntry& entry,
                           const TopicPartition& partition) const;
  Result<void> check_sequence(const BatchView& batch, const ProducerEntry& entry,
                              const TopicPartition& partition) const;
  Result<void> check_transaction(const BatchView& batch, const ProducerEntry& entry,
                                 const TopicPartition& partition) const;
  Result<void> check_marker(const BatchView& batch, const ProducerEntry& entry,
                            const TopicPartition& partition) const;
  std::optional<CompletedTransaction> note_marker(const BatchView& batch);
  CompletedTransaction complete(int64_t producer_id, Offset first_offset, Offset last_offset, bool is_abort);

  std::unordered_map<int64_t, ProducerEntry> producers_;
  std::map<Offset, int64_t> ongoing_;      ///< first offset to producer, of transactions without a marker
  std::map<Offset, Offset> unreplicated_;  ///< first offset to last, of those whose marker is not everywhere yet
};

}  // namespace gregor
