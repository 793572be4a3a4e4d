#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "broker/log/producer_snapshot_files.h"
#include "broker/log/timestamp_search.h"
#include "broker/log/transaction_index.h"

namespace gregor {

/// How far a rebuild reaches, and by what.
struct ProducerRebuild {
  Offset log_start_offset;
  Offset end;  ///< the state is to be that of everything below
  int64_t now_ms = 0;
  int64_t expiration_ms = 0;
  /// The log was closed properly. If it has no snapshots then nobody wrote with a producer id, or an old Kafka that
  /// wrote none; either way the log is not read for it.
  bool is_after_clean_stop = false;
};

/// What a log keeps of its producers: their state, its snapshot files, and the index of aborted transactions.
///
/// Guarantees that the state is that of all batches appended so far. The log tells it of everything that changes
/// its segments. Owned by its PartitionLog, same thread. Errors: those of the files, unless said otherwise.
class LogProducers {
 public:
  /// `directory` must outlive this.
  LogProducers(FileSystem& files, const std::string& directory)
      : snapshots_(files, directory), aborted_(files, directory) {}

  ProducerState& state() { return state_; }
  const ProducerState& state() const { return state_; }
  ProducerSnapshotFiles& snapshots() { return snapshots_; }
  TransactionIndex& aborted() { return aborted_; }
  const TransactionIndex& aborted() const { return aborted_; }

  /// Takes in a batch that was appended to the segment that begins at `segment`.
  Result<void> note(const BatchView& batch, Offset segment) {
    bool has_producer = !batch.is_legacy() && batch.producer_id() >= 0;
    return has_producer ? note_producer(batch, segment) : Result<void>();
  }

  /// Writes a snapshot as of `end`, unless there is one already; it is synced with the next flush. At a roll. For
  /// want of room or descriptors none is written.
  Result<void> take_snapshot(Offset end);
  /// The same where the log ends. A log that never knew a producer is left without: as long as it has one segment
  /// only, nothing would be read for want of it.
  Result<void> take_last_snapshot(Offset end);
  /// The same when the log is closed. Fails for want of room or descriptors too, where a producer is known: a start
  /// after a clean stop reads no log that has no snapshot, and would not know it any more.
  Result<void> close(Offset end);
  /// Whether files were made or removed since the last call, so that the directory has to be synced too.
  bool take_directory_change() { return std::exchange(has_changed_directory_, false); }
  /// Opens the snapshots that were written since the last call that succeeded, to be synced.
  Result<std::vector<std::shared_ptr<File>>> open_unsynced();

  /// Makes the state that of the batches below `rebuild.end`: by the youngest snapshot that is intact, and by
  /// reading what `segments`, the log's first ones, have behind it. Snapshots that are out of the log's bounds
  /// count as doubtful, and missing ones at the last two segments are written.
  Result<void> rebuild(std::span<const std::unique_ptr<Segment>> segments, const ProducerRebuild& rebuild);
  /// After `segments` were cut at `rebuild.end`: the same, but nothing is read where there were no producers. Where
  /// it fails it may be called again.
  Result<void> truncate(std::span<const std::unique_ptr<Segment>> segments, const ProducerRebuild& rebuild);
  /// The log begins anew at `start`, without anything.
  Result<void> truncate_fully(Offset start);
  void on_log_start(Offset start);
  /// The segment's files, its snapshot among them, are no longer the log's.
  void forget_segment(Offset segment);

 private:
  Result<void> note_producer(const BatchView& batch, Offset segment);
  Result<void> write_snapshot(Offset end);
  Result<void> scan(std::span<const std::unique_ptr<Segment>> segments, const ProducerRebuild& rebuild,
                    Offset from);
  Result<void> scan_segment(Segment& segment, Offset from, Offset end);
  Result<void> snapshot_ends(std::span<const std::unique_ptr<Segment>> segments, Offset end);

  ProducerState state_;
  ProducerSnapshotFiles snapshots_;
  TransactionIndex aborted_;
  Offset last_snapshot_;  ///< there is none to be written at or below
  std::vector<Offset> unsynced_;
  bool has_changed_directory_ = false;
  bool must_rebuild_ = false;  ///< a truncation that knew producers has not come to its end
};

}  // namespace gregor
