#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/log_directory.h"
#include "broker/log/partition_log.h"
#include "broker/replica/fetch_waiter.h"
#include "broker/replica/high_watermark.h"
#include "broker/replica/partition_settings.h"
#include "broker/replica/replication_waiters.h"
#include "broker/types/error_code.h"
#include "runtime/async_mutex.h"

namespace gregor {

/// The controller's word on one partition, as LeaderAndIsr brings it.
struct PartitionState {
  TopicPartition name;
  Uuid topic_id;
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch{0};
  int32_t partition_epoch = 0;
  std::vector<BrokerId> in_sync;
  std::vector<BrokerId> replicas;
  /// No replica of it has held anything yet.
  bool is_new = false;

  /// Names and epochs come from the wire: what could not be a directory's name or an epoch is no state.
  bool is_sound() const {
    return topic_name_problem(name.topic).empty() && name.partition >= 0 && leader_epoch.value >= 0;
  }
};

/// The timestamps that stand for a place in the log instead of a time.
namespace list_offsets {
inline constexpr int64_t kLatest = -1;
inline constexpr int64_t kEarliest = -2;
inline constexpr int64_t kMaxTimestamp = -3;
inline constexpr int64_t kEarliestLocal = -4;
inline constexpr int64_t kLatestTiered = -5;
}  // namespace list_offsets

/// Who asks ListOffsets, which says how far the answer may reach.
enum class OffsetsReader {
  consumer,            ///< to the high watermark
  committed_consumer,  ///< to the last stable offset
  replica,             ///< to the log's end
};

/// What became of a produced batch.
struct ProduceOutcome {
  Result<AppendInfo> appended;
  std::vector<RecordError> record_errors;
  /// The whole in-sync set has it: acks=all is fulfilled.
  bool is_replicated = false;
  /// flush.messages records are not on the disk yet: the answer has to wait until they are.
  bool needs_flush = false;
};

struct ReadRequest {
  Offset fetch_offset;
  uint64_t max_bytes = 0;
  LeaderEpoch current_leader_epoch = kNoEpoch;  ///< what the client takes for current; -1 when it does not say
  LeaderEpoch last_fetched_epoch = kNoEpoch;    ///< of the record before fetch_offset; -1 when it does not say
  bool at_least_one_batch = false;
  bool read_committed = false;  ///< only what is decided, with the list of what was aborted
};

struct ReadOutcome {
  LogRead data;
  Offset high_watermark;
  Offset last_stable_offset;
  Offset log_start_offset;
  /// Whose records among `data` a reader of what is committed has to pass over; none for the others.
  std::optional<std::vector<AbortedTransaction>> aborted_transactions;
  /// Set when the client's log parted from ours: the greatest epoch that both know, and its end here (KIP-595).
  std::optional<EpochEnd> diverging;
};

/// What a partition takes in a log directory. While it is moved to another one there are two of these.
struct PartitionSize {
  TopicPartition name;
  const LogDirectory* directory = nullptr;
  uint64_t bytes = 0;
  int64_t offset_lag = 0;  ///< records that are missing still
  bool is_future = false;  ///< the copy that is being made
};

/// A copy of a partition's log that is being made in another directory, to take its place there. On the partition's
/// shard.
struct FutureLog {
  const LogDirectory& directory;
  std::unique_ptr<PartitionLog> log;
  uint64_t copied_bytes = 0;  ///< in all
};

/// One partition of which this broker has a replica: its log, and its role as leader or not.
///
/// Owned by Partitions; lives on the shard that owns the partition, where every call is made.
class Partition {
 public:
  bool is_flush_queued = false;  ///< for Partitions alone

  Partition(BrokerId self, const Clock& clock, const LogDirectory& directory, std::unique_ptr<PartitionLog> log,
            Offset high_watermark, PartitionSettings settings);

  const TopicPartition& name() const { return log_->name(); }
  PartitionLog& log() { return *log_; }
  const LogDirectory& directory() const { return *directory_; }
  std::vector<PartitionSize> sizes() const;
  bool has_failed() const { return failure_.has_value(); }
  const PartitionSettings& settings() const { return settings_; }
  LeaderEpoch leader_epoch() const { return leader_epoch_; }
  BrokerId leader() const { return leader_; }
  Offset high_watermark() const { return high_watermark_.value(); }
  /// The end of what is decided: the high watermark, or where the first undecided transaction begins (KIP-98).
  Offset last_stable_offset();
  bool is_leader() const { return leader_ == self_ && !is_suspended_; }
  const std::vector<BrokerId>& in_sync() const { return high_watermark_.in_sync(); }
  const std::vector<BrokerId>& replicas() const { return replicas_; }
  size_t waiting_produces() const { return replication_waiters_.size(); }
  size_t waiting_fetches() const;

  /// Takes the role that `state` gives this broker. A state older than the one in force is left aside. Errors:
  /// stale_controller_epoch for such a state, inconsistent_topic_id, kafka_storage_error.
  Result<void> apply(const PartitionState& state, PartitionSettings settings);
  /// Its topic's configuration is another one now. What waits goes on waiting.
  void reconfigure(PartitionSettings settings);
  /// Ends leadership until the controller has spoken again: the broker lost its session.
  void suspend();
  /// The log can't be trusted to keep anything any more; every later call answers kafka_storage_error.
  void fail(Error error);
  /// The copy that is being made; null when there is none. Whoever fills it holds it too.
  const std::shared_ptr<FutureLog>& future() const { return future_; }
  void set_future(std::shared_ptr<FutureLog> future) { future_ = std::move(future); }
  /// Lets the copy, which has everything that the log has, take the log's place and yields the log, whose directory
  /// is still where it was. Error: kafka_storage_error, where nothing has changed.
  Result<std::unique_ptr<PartitionLog>> replace_log_by_future();
  /// Wakes everything that waits, before the partition goes away.
  void wake_all();

  /// none, not_leader_or_follower, fenced_leader_epoch, unknown_leader_epoch or kafka_storage_error: whether this
  /// is the leader that a client which takes `epoch` for current (-1: any) looks for.
  ErrorCode check_leader(LeaderEpoch epoch) const;

  /// Checks `records` and appends them as leader, patching offsets and epoch in place. With `needs_all` (acks=all)
  /// not_enough_replicas is answered before anything is written. A batch that its producer sent before is answered
  /// as it was then. Other errors: check_leader's, the validation's and ProducerState::check's.
  ProduceOutcome append_as_leader(std::span<uint8_t> records, bool needs_all, bool allows_zstd);
  /// Removes the records before `up_to`, or all that consumers may see where it is -1, and yields where the log now
  /// starts. Errors: check_leader's, policy_violation where cleanup.policy lacks delete, offset_out_of_range beyond
  /// the high watermark.
  Result<Offset> delete_records(Offset up_to);
  /// Takes out the segments that the topic's retention lets go; yields their number.
  Result<size_t> apply_retention();
  /// Whether flush.ms is over for records that are not on the disk yet.
  bool is_flush_due() const;
  /// Notes that `job` was run. A log that goes on growing is due again flush.ms later.
  void note_flushed(const FlushJob& job);
  /// Held by who syncs the log.
  std::shared_ptr<AsyncMutex> flushing() const { return flushing_; }
  /// Waits until every in-sync replica has everything below `end`. Errors: request_timed_out,
  /// not_leader_or_follower, not_enough_replicas_after_append, kafka_storage_error.
  Task<ErrorCode> wait_until_replicated(Offset end, Duration timeout);

  /// Finds what a consumer may read. Errors: check_leader's, offset_out_of_range, kafka_storage_error.
  Result<ReadOutcome> read(const ReadRequest& request);
  /// The offset that ListOffsets asks for by `timestamp`: milliseconds, or one of list_offsets' special values.
  /// None when there is no such record that `reader` may see. Errors: check_leader's, kafka_storage_error,
  /// corrupt_message, and offset_not_available where a new leader does not know yet how far what consumers may have
  /// seen reaches (KIP-207).
  Result<std::optional<TimestampedOffset>> list_offset(int64_t timestamp, LeaderEpoch current_leader_epoch,
                                                       OffsetsReader reader = OffsetsReader::consumer);
  /// The answer of ListOffsets before version 1: where segments begin, and the end of what `reader` may see, from
  /// the last that was there at `timestamp` backwards, at most `count`. Errors: check_leader's,
  /// kafka_storage_error.
  Result<std::vector<Offset>> list_offsets_backwards(int64_t timestamp, size_t count,
                                                     OffsetsReader reader = OffsetsReader::consumer);
  /// Where `epoch` ends in this log (KIP-101). None when it is not known. Errors: check_leader's.
  Result<std::optional<EpochEnd>> end_offset_for_epoch(LeaderEpoch epoch, LeaderEpoch current_leader_epoch);
  /// Lets `waiter` hear of what becomes readable beyond `seen`, the high watermark that its fetch saw.
  void add_waiter(std::shared_ptr<FetchWaiter> waiter, Offset seen);

 private:
  /// The leader stays; the epoch or the in-sync set may be new. What waits goes on waiting.
  void keep_leading(const std::vector<BrokerId>& in_sync);
  bool has_enough_in_sync() const;
  /// What acks=all is answered once the in-sync set has the records.
  ErrorCode replicated_outcome() const;
  void end_replicated_waits();
  void on_high_watermark_risen(uint64_t bytes);
  void wake_fetches();
  std::optional<EpochEnd> divergence(const ReadRequest& request) const;
  Offset end_seen_by(OffsetsReader reader);

  const BrokerId self_;
  const Clock& clock_;
  const LogDirectory* directory_;
  std::unique_ptr<PartitionLog> log_;
  std::shared_ptr<FutureLog> future_;
  PartitionSettings settings_;
  BrokerId leader_ = kNoBroker;
  LeaderEpoch leader_epoch_ = kNoEpoch;
  std::vector<BrokerId> replicas_;
  Offset epoch_start_;  ///< of a leader: where its log ended when its epoch began
  bool is_suspended_ = false;
  std::optional<Error> failure_;
  HighWatermark high_watermark_;
  ReplicationWaiters replication_waiters_;
  std::vector<std::shared_ptr<FetchWaiter>> fetch_waiters_;
  std::shared_ptr<AsyncMutex> flushing_ = std::make_shared<AsyncMutex>();
  std::optional<Instant> unflushed_since_;  ///< where flush.ms bounds it
};

}  // namespace gregor
