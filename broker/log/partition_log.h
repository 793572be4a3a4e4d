#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/leader_epoch_cache.h"
#include "broker/log/log_config.h"
#include "broker/log/log_producers.h"
#include "broker/log/recovery.h"
#include "broker/log/segment.h"
#include "broker/log/timestamp_search.h"
#include "broker/record/validation.h"
#include "broker/types/topic_partition.h"
#include "broker/types/uuid.h"
#include "runtime/clock.h"

namespace gregor {

/// What an append did.
struct AppendInfo {
  Offset first_offset;
  Offset last_offset;
  int64_t log_append_time = kNoTimestamp;  ///< kNoTimestamp under create_time
  Offset log_start_offset;
  uint64_t size_bytes = 0;
  /// The producer sent it before; nothing was appended, and the offsets and the time are the first ones'.
  bool is_duplicate = false;
  /// A good time to flush in the background: a segment became full, or the next one would have to wait for the
  /// disk.
  bool wants_flush = false;
};

/// What a read found: bytes of files that begin at a batch.
struct LogRead {
  std::vector<FileSlice> slices;
  uint64_t size_bytes = 0;
  Offset segment_base_offset;  ///< of the segment that the bytes are of, where there are any
  /// The first batch alone is larger than was asked for, so that the bytes end within it.
  bool is_first_batch_cut = false;
};

/// A place in a log, and when what lies behind it last changed.
struct TimeMark {
  Offset offset;
  int64_t changed_ms = 0;
};

/// The files to sync so that everything below `up_to` is durable. Needs nothing of the log, which may go on
/// meanwhile.
struct FlushJob {
  std::vector<std::shared_ptr<File>> to_sync;
  FileSystem* files = nullptr;
  std::vector<std::string> directories_to_sync;  ///< in which something was made, renamed or removed
  Offset from;                                   ///< the least offset of which something may not be durable
  Offset up_to;
  uint64_t log_id = 0;       ///< PartitionLog::id
  uint64_t truncations = 0;  ///< how often the log was cut before
  /// Set by a `run` that failed before the disk was asked for anything that it could not do.
  bool may_be_repeated = false;

  /// Blocks until the disk has it all. A failure is final, but for `may_be_repeated`: the log directory goes
  /// offline.
  Result<void> run();
};

/// The log of one partition: an ordered list of segments, the last of which is open for appends.
///
/// Guarantees that offsets rise from batch to batch, that nothing of a failed append becomes visible, and that
/// after a crash everything below the recovery point is intact. After an error of the disk every further append is
/// refused, and the file system is told not to trust it. For want of room, descriptors or memory a call is refused
/// and may be made again. Owned by its Partition; every call is made on that partition's shard. None waits for the
/// disk to sync except `close`, and a new segment that begins before the flush has ended that was wanted after an
/// unclean start or a truncation. Errors: kafka_storage_error, naming file and reason, besides those that are named
/// at a function.
class PartitionLog {
 public:
  /// Opens the log in `directory`, making the directory and an empty log if there is none.
  static Result<std::unique_ptr<PartitionLog>> open(FileSystem& files, const Clock& clock, std::string directory,
                                                    TopicPartition name, LogConfig config,
                                                    OpenOptions options = {});

  const TopicPartition& name() const { return name_; }
  /// No other log of this process ever has the same.
  uint64_t id() const { return id_; }
  const std::string& directory() const { return directory_; }
  const LogConfig& config() const { return config_; }
  /// Takes effect with the next append.
  void set_config(const LogConfig& config) { config_ = config; }

  Offset log_start_offset() const { return log_start_offset_; }
  Offset log_end_offset() const { return log_end_offset_; }
  Offset recovery_point() const { return recovery_point_; }
  uint64_t size_bytes() const;
  size_t segment_count() const { return segments_.size(); }
  /// Where the segments begin, ascending.
  std::vector<Offset> segment_base_offsets() const;
  /// The topic id of partition.metadata.
  const std::optional<Uuid>& topic_id() const { return topic_id_; }
  Result<void> set_topic_id(const Uuid& topic_id);

  /// Appends one batch, giving it the offsets at the log's end: the header is patched in place, the payload is not
  /// touched. Errors: record_list_too_large when the batch is larger than a segment, and ProducerState::check's.
  Result<AppendInfo> append_as_leader(const ValidatedBatch& batch, LeaderEpoch epoch,
                                      const AppendRules& rules = {});
  /// Appends batches as the leader stored them; a batch that is cut off at the end is left out, and `last_offset`
  /// is that of the last appended (first_offset - 1 if none was). Errors: corrupt_message (checksum),
  /// invalid_record (offsets that do not rise), offset_out_of_range (the first batch begins before the log's end).
  Result<AppendInfo> append_as_follower(Bytes batches);

  /// Finds whole batches from the one that holds `from` up to but not including the one that holds `end`, at most
  /// `max_bytes` of them, where the last may be cut (as Kafka's fetch does). With `at_least_one_batch` the first is
  /// never cut. Empty when there is nothing between. Errors: offset_out_of_range outside [start, end of the log],
  /// corrupt_message where the file holds no batch at `from`.
  Result<LogRead> read(Offset from, Offset end, uint64_t max_bytes, bool at_least_one_batch);

  // Producers and transactions.
  const ProducerState& producers() const { return producers_.state(); }
  void expire_producers() { producers_.state().expire(clock_.wall_ms(), config_.producer_expiration_ms); }
  /// The first offset of a transaction that is not decided on all replicas, which have everything below
  /// `high_watermark`; none when there is no such.
  std::optional<Offset> first_unstable_offset(Offset high_watermark);
  /// The aborted transactions that have records among the bytes that a read from `from` found; there may be more.
  Result<std::vector<AbortedTransaction>> aborted_transactions(Offset from, const LogRead& found);

  // Leader epochs.
  std::optional<LeaderEpoch> latest_epoch() const { return epochs_.latest(); }
  std::optional<LeaderEpoch> epoch_of(Offset offset) const { return epochs_.epoch_of(offset); }
  /// Notes that `epoch` begins at the end of the log, as a new leader does before its first append.
  void begin_epoch(LeaderEpoch epoch) { epochs_.assign(epoch, log_end_offset_); }
  std::optional<EpochEnd> end_offset_for_epoch(LeaderEpoch epoch) const {
    return epochs_.end_offset_for(epoch, log_end_offset_);
  }

  // ListOffsets. Both may decompress batches.
  Result<std::optional<TimestampedOffset>> offset_for_timestamp(int64_t timestamp) const {
    return find_timestamp(segments_, timestamp, log_start_offset_);
  }
  Result<std::optional<TimestampedOffset>> max_timestamp() const { return find_max_timestamp(segments_); }
  /// Where each segment's records begin, when its file last changed, and, unless the last is empty, the log's end,
  /// which is of now. What ListOffsets went by before records had timestamps; ascending, never empty.
  Result<std::vector<TimeMark>> time_marks();

  /// Drops everything from `end` on. Where `end` lies within a batch, that batch goes as a whole.
  Result<void> truncate_to(Offset end);
  /// Drops everything and begins anew at `start`.
  Result<void> truncate_fully_and_start_at(Offset start);
  /// Raises the log's start and takes out the segments that lie entirely before it. False when it did not rise.
  /// Errors: offset_out_of_range beyond the log's end (the high watermark is the caller's to check).
  Result<bool> advance_log_start_offset(Offset start);
  /// Takes out the oldest segments that `retention` lets go, none of which reaches beyond `high_watermark`; yields
  /// their number.
  Result<size_t> apply_retention(const LogRetention& retention, Offset high_watermark);
  /// Closes the active segment and begins a new one at the log's end; nothing happens to an empty one.
  Result<void> roll();
  /// Files renamed to `.deleted` since the last call; to be removed in the background.
  std::vector<std::string> take_deleted_files() { return std::exchange(deleted_files_, {}); }

  /// Gives back the descriptor that the active segment keeps, for a partition that has been idle for a while.
  void release_file() { active().release_file(); }

  /// What has to be synced for the recovery point to rise to the log's end; `mark_flushed` follows once it was run,
  /// or `mark_unflushed` where it failed and may be repeated.
  Result<FlushJob> prepare_flush();
  void mark_flushed(const FlushJob& job);
  void mark_unflushed(const FlushJob& job);
  /// Whether every further append is going to be refused.
  bool has_failed() const { return failure_.has_value(); }
  /// Writes and syncs everything but the directory that this log's directory lies in; the log takes no more calls.
  /// Blocks.
  Result<void> close();
  /// The same in two steps, for who closes very many logs: writes everything, and yields whether anything of it is
  /// to be synced yet. Then either `sync_to_close`, or `end_close` once all was synced in another way.
  Result<bool> begin_close();
  Result<void> sync_to_close();
  void end_close();
  /// Gives the directory another name; whoever reads the log goes on.
  Result<void> rename_directory(const std::string& directory);
  /// The same for a log that is to be deleted: nothing is appended any more.
  Result<void> retire(const std::string& directory);

 private:
  PartitionLog(FileSystem& files, const Clock& clock, std::string directory, TopicPartition name, LogConfig config)
      : files_(files),
        clock_(clock),
        directory_(std::move(directory)),
        name_(std::move(name)),
        config_(config),
        epochs_(files, directory_),
        producers_(files, directory_) {}

  /// An end that the log was given, but that its files do not have yet.
  struct Cut {
    Offset end;
    bool is_everything = false;  ///< the log also begins there
  };

  Result<void> load(const OpenOptions& options);
  /// Refuses what a failed log can't do, and finishes what could not be finished before.
  Result<void> ensure_usable();
  Result<void> finish_cut();
  Result<void> finish_restart();
  bool has_records() const;
  Segment& active() { return *segments_.back(); }
  /// The index of the segment that holds `offset`, or would.
  size_t segment_for(Offset offset) const;
  /// Where in `segment` the batch that holds `end`, or the next one, begins.
  Result<uint64_t> end_position(size_t segment, Offset end);
  Result<void> append_run(const BatchRun& run, bool& wants_flush);
  /// Where a new segment begins whose first records are those from `first` to `last`.
  Result<Offset> roll_offset(Offset first, Offset last);
  Result<void> roll_at(Offset base_offset);
  /// Returns once the disk has the active segment, and the epochs in it.
  Result<void> sync_active();
  Result<void> save_epochs();
  Result<void> add_segment(Offset base_offset);
  Result<void> add_files_of(Segment& segment, FlushJob& job);
  /// The epochs, where they changed.
  Result<void> add_unsynced_epochs(FlushJob& job);
  /// Takes the segments [first, last) out of the log, their files renamed for removal.
  Result<void> remove_segments(size_t first, size_t last);
  /// How many of the oldest segments `retention` lets go.
  Result<size_t> count_expired(const LogRetention& retention, Offset high_watermark);
  ProducerRebuild producers_now() const;
  Result<AppendInfo> duplicate_info(const ProducedBatch& first) const;
  /// What the caller is told. Unless `error` may pass it is final, and every later call gets it as well.
  Error fail(const Error& error);

  static uint64_t next_id();

  FileSystem& files_;
  const Clock& clock_;
  const uint64_t id_ = next_id();
  std::string directory_;
  TopicPartition name_;
  LogConfig config_;
  LeaderEpochCache epochs_;
  LogProducers producers_;
  Segments segments_;  ///< ascending; never empty once loaded
  Offset log_start_offset_;
  Offset log_end_offset_;
  Offset recovery_point_;
  Offset vouched_for_;  ///< the greatest recovery point that a checkpoint may still hold
  std::optional<Uuid> topic_id_;
  std::vector<std::string> deleted_files_;
  uint64_t truncations_ = 0;
  /// Segments from the one that holds this on were cut or closed since the last flush, be it below the recovery
  /// point.
  Offset changed_from_{INT64_MAX};
  bool directory_changed_ = false;  ///< since the last flush
  bool is_directory_new_ = false;   ///< or has a new name, since the last flush
  bool epochs_unsynced_ = false;
  std::optional<Cut> unfinished_cut_;
  /// The disk may still have what was cut off the active segment.
  bool is_cut_unsynced_ = false;
  std::optional<Error> failure_;
};

}  // namespace gregor
