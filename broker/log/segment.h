#pragma once

#include <memory>
#include <optional>
#include <set>

#include "broker/log/batch_scanner.h"
#include "broker/log/log_config.h"
#include "broker/log/offset_index.h"
#include "broker/log/recent_batches.h"
#include "broker/log/time_index.h"

namespace gregor {

/// Batches that are appended together, with what index and roll conditions need to know of them.
struct BatchRun {
  Bytes bytes;
  Offset first_offset;
  Offset last_offset;
  TimestampOffset max_timestamp;

  /// Adds `batch`, which stands behind the run's bytes, to the run.
  void add(const BatchView& batch);
};

/// One stretch of a log: a file of batches and its two indexes, all named after the first offset they may hold.
///
/// The last segment of a log is active: it takes appends, keeps its file open once it was used, and remembers where
/// recent batches lie. The others are opened when they are read and closed when nobody reads them any more.
/// Owned by its PartitionLog; same thread. `size` never counts bytes whose write did not succeed.
class Segment {
 public:
  /// `directory` and `config` are the PartitionLog's and outlive the segment.
  Segment(FileSystem& files, const std::string& directory, const LogConfig& config, Offset base_offset,
          int64_t created_ms);

  /// Makes the files of a new, empty segment, if that was not done yet; the first append does it otherwise.
  Result<void> create_files();
  /// Takes over the files of these sizes; an index may be missing.
  void adopt(uint64_t log_size, std::optional<uint64_t> offset_index_size, std::optional<uint64_t> time_index_size);
  /// False when an index that was adopted cannot be right and has to be rebuilt. Of an empty segment nothing is
  /// read.
  Result<bool> has_sound_indexes();
  /// False when the time index names offsets that the segment, whose end is `end`, does not have.
  Result<bool> time_index_ends_before(Offset end);

  Offset base_offset() const { return base_offset_; }
  uint64_t size() const { return size_; }
  /// False for an empty one until its files are made.
  bool has_files() const { return has_files_; }
  int64_t created_ms() const { return created_ms_; }
  std::string path(std::string_view suffix) const { return segment_file_path(directory_, base_offset_, suffix); }
  OffsetIndex& offset_index() { return offset_index_; }
  TimeIndex& time_index() { return time_index_; }

  /// Whether `run` belongs into a new segment: this one is too large, too old, its indexes are full, or the offsets
  /// are too far from its base.
  Result<bool> should_roll(const BatchRun& run, int64_t now_ms);
  /// Appends `run` with one write. On error nothing of it is visible.
  Result<void> append(const BatchRun& run);

  /// The first batch whose last offset is `offset` or more; none when the segment ends before. Error:
  /// corrupt_message when the way there leads to bytes that are no batch.
  Result<std::optional<BatchPlace>> find(Offset offset);
  /// Where the batch begins that `find` finds, or what can be read before it ends.
  Result<uint64_t> position_of(Offset offset);
  /// corrupt_message, for bytes at `position` that are no batch. Logs it the first time.
  Error damage_at(uint64_t position);
  /// The bytes [position, position + size).
  Result<FileSlice> slice(uint64_t position, uint64_t size);
  /// Closes the file unless somebody is reading it, and gives back what index searches keep; the next use opens it
  /// again.
  void release_file() {
    open_file_.reset();
    offset_index_.file().forget_found();
    time_index_.file().forget_found();
  }
  /// A scanner over the batches from `position` to the end.
  Result<BatchScanner> scan(uint64_t position, BatchScanner::Depth depth);
  /// The offset behind the last batch, the base offset if there is none. Error: corrupt_message, as `find`.
  Result<Offset> read_next_offset();
  /// The greatest timestamp of a batch.
  Result<TimestampOffset> max_timestamp();

  /// When the file last changed.
  Result<int64_t> modified_ms();
  /// The greatest timestamp of a record, or when the file last changed where records have none.
  Result<int64_t> newest_ms();

  /// Drops the batch that holds `offset`, or begins behind it, and all that follow. The segment is active
  /// afterwards.
  Result<void> truncate_to(Offset offset);
  /// Ends the appends: the last time index entry is made and everything held in memory written.
  Result<void> deactivate();
  /// Writes the index entries held in memory, then lists the files to sync.
  Result<std::vector<std::shared_ptr<File>>> prepare_flush();

  // Recovery: forget the index entries, note each sound batch in its place, and cut the file behind the last. A
  // durable one is for a segment that will not be read again: should it be interrupted, the next start finds the
  // indexes unsound; afterwards the disk has it all. The others are not waited for.
  Result<void> begin_rebuild(bool is_durable);
  Result<void> note_batch(const BatchView& batch, uint64_t position);
  Result<void> end_rebuild(uint64_t valid_size);

 private:
  Result<std::shared_ptr<File>> file();
  Result<void> make_indexes();
  /// Cuts the file where it is longer than `valid_size`.
  Result<void> cut_to(uint64_t valid_size);
  /// Gives back what was preallocated and not used.
  Result<void> trim();
  int64_t roll_jitter_ms() const;
  /// Does the books for `run`, which was written at `position`.
  Result<void> note_append(const BatchRun& run, uint64_t position);
  Result<void> add_index_entries(Offset last_offset, uint64_t position);
  /// The batch that `find` finds; without one, where the batches end.
  struct Sought {
    std::optional<BatchPlace> place;
    uint64_t end = 0;
  };
  Result<Sought> seek(Offset offset);
  Result<bool> has_no_times();
  /// Of the first batch; none when there is none.
  Result<std::optional<int64_t>> read_first_timestamp();
  Result<void> read_max_timestamp();
  Result<int64_t> age_at(int64_t now_ms, int64_t message_timestamp);

  FileSystem& files_;
  const std::string& directory_;
  const LogConfig& config_;
  Offset base_offset_;
  int64_t created_ms_;
  size_t roll_dice_;  ///< any number, but always the same for this segment
  uint64_t size_ = 0;
  uint64_t bytes_since_index_entry_ = 0;
  bool is_active_ = true;
  bool has_files_ = false;
  bool is_rebuilt_durably_ = false;
  bool is_preallocated_ = false;  ///< the file is longer than `size_`, zeros follow
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  std::optional<TimestampOffset> max_timestamp_;  ///< once it is known
  std::optional<int64_t> first_timestamp_;        ///< of the first batch, once it is known
  RecentBatches recent_;                          ///< of the active segment only
  std::set<uint64_t> known_damage_;               ///< that was logged
  std::shared_ptr<File> open_file_;               ///< held by the active segment
  std::weak_ptr<File> lent_file_;                 ///< of an inactive one, while somebody reads it
};

}  // namespace gregor
