#pragma once

#include <vector>

#include "broker/log/log_files.h"
#include "broker/log/producer_state.h"

namespace gregor {

/// The snapshot files of one partition directory. Each is named after the offset up to which it holds: one for the
/// beginning of every segment but the first, and one for the end of a log that was closed.
///
/// Owned by LogProducers, same thread. Errors: those of the files.
class ProducerSnapshotFiles {
 public:
  /// `directory` must outlive this.
  ProducerSnapshotFiles(FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// Takes note of a file that lies in the directory; they come in order.
  void adopt(Offset offset) { offsets_.push_back(offset); }
  /// Forgets a file that somebody else removed.
  void forget(Offset offset) {
    std::erase(offsets_, offset);
    std::erase(doubtful_, offset);
  }

  const std::vector<Offset>& offsets() const { return offsets_; }
  std::optional<Offset> latest() const;
  std::string path(Offset offset) const { return segment_file_path(directory_, offset, file_suffix::kSnapshot); }

  /// Whether there is a file that can be used, or that is doubtful and as of `offset`.
  bool has_any(Offset offset) const { return !offsets_.empty() || is_doubtful(offset); }

  /// Writes the snapshot of `state` as of `offset`, without waiting for the disk: damaged by a crash it costs
  /// reading the log again, and nothing else. A doubtful file that says the same is left as it is.
  Result<void> write(Offset offset, const ProducerState& state);
  Result<std::shared_ptr<File>> open(Offset offset) { return files_.open(path(offset), OpenMode::read_write); }
  /// Fills `state`, which is empty, from the youngest file that is intact, removing those that are not, and returns
  /// its offset; none when there is no such file.
  Result<std::optional<Offset>> load_latest(ProducerState& state);

  /// Removes what does not belong to a segment, but for the youngest where it lies behind all of them: that one was
  /// written when the log was closed. `segments` ascend.
  Result<void> remove_strays(const std::vector<Offset>& segments);
  /// Uses the files of `first` and below, and those above `last`, no more. They stay until `remove_doubtful`, since
  /// most of them come to be written again.
  void doubt_outside(Offset first, Offset last);
  Result<void> remove_doubtful();
  Result<void> remove_all();

 private:
  bool is_doubtful(Offset offset) const;
  bool says(Offset offset, Bytes bytes);
  Result<void> replace(Offset offset, Bytes bytes);
  Result<void> remove(Offset offset);

  FileSystem& files_;
  const std::string& directory_;
  std::vector<Offset> offsets_;  ///< ascending
  std::vector<Offset> doubtful_;
};

}  // namespace gregor
