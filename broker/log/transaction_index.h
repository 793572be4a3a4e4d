#pragma once

#include <map>
#include <optional>
#include <vector>

#include "broker/log/log_files.h"
#include "broker/log/producer_state.h"

namespace gregor {

/// One entry of a transaction index.
struct AbortedTransaction {
  int64_t producer_id = kNoProducerId;
  Offset first_offset;
  Offset last_offset;  ///< of the marker
  Offset last_stable_offset;

  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

/// The `.txnindex` files of one partition directory: which transactions were aborted by a marker in which segment
/// (docs/formats.md). A segment without one has no file, as nearly all have none.
///
/// An entry that can't be written, for want of room or descriptors, is kept in memory and found there, for without
/// it an aborted transaction would be read as a committed one. It is written with the next entry or flush: as long
/// as it is not the recovery point stays before its marker, so that after a crash it is made anew. Owned by
/// LogProducers, same thread. Errors: those of the files.
class TransactionIndex {
 public:
  static constexpr size_t kEntrySize = 34;

  /// `directory` must outlive this.
  TransactionIndex(FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// Takes over the file of the segment that begins at `segment`. False when it cannot be right and has to be made
  /// anew from the batches.
  Result<bool> adopt(Offset segment, uint64_t size_bytes);
  /// No segment has aborted transactions.
  bool is_empty() const;
  bool has_file(Offset segment) const { return sizes_.contains(segment); }

  Result<void> append(Offset segment, const AbortedTransaction& transaction);
  /// The aborted transactions with records in [from, end), by the indexes of `segment` and of those behind it.
  Result<std::vector<AbortedTransaction>> find(Offset segment, Offset from, Offset end) const;
  /// Drops the entries of the segment whose markers are at `end` or behind.
  Result<void> truncate(Offset segment, Offset end);
  /// The segment's files are no longer the log's.
  void forget(Offset segment);
  /// The file to sync, with every entry in it; null when the segment has none.
  Result<std::shared_ptr<File>> open_to_sync(Offset segment);

  // Recovery: forget the entries of a segment, append those of its batches, and let them take the file's place.
  void begin_rebuild(Offset segment);
  Result<void> end_rebuild();

 private:
  std::string path(Offset segment) const {
    return segment_file_path(directory_, segment, file_suffix::kTransactionIndex);
  }
  /// All entries of a segment.
  Result<std::vector<AbortedTransaction>> read(Offset segment) const;
  Result<void> write_pending();

  FileSystem& files_;
  const std::string& directory_;
  std::map<Offset, uint64_t> sizes_;                           ///< in bytes, of the files that are there
  std::map<Offset, std::vector<AbortedTransaction>> pending_;  ///< what comes behind that and is not written yet
  /// A segment whose file, if it has one, is as it was until the entries are complete.
  struct Rebuild {
    Offset segment;
    bool had_file = false;
  };
  std::optional<Rebuild> rebuilt_;
};

}  // namespace gregor
