#pragma once

#include <functional>

#include "broker/log/log_files.h"
#include "runtime/buffer.h"

namespace gregor {

/// A file of rising entries of one fixed size, the common ground of the offset and the time index.
///
/// New entries wait in memory until a page of them has come together or `write_pending` is called. No descriptor is
/// kept: an index is opened for as long as one call takes. The directory's path is read at each call, since a
/// partition's directory may be renamed while its log is open.
class IndexFile {
 public:
  /// `directory` must outlive the index.
  IndexFile(FileSystem& files, const std::string& directory, Offset base_offset, std::string_view suffix,
            size_t entry_size)
      : files_(files), directory_(directory), base_offset_(base_offset), suffix_(suffix), entry_size_(entry_size) {}

  Offset base_offset() const { return base_offset_; }
  uint64_t entry_count() const { return stored_ + pending_.size() / entry_size_; }
  std::string path() const { return segment_file_path(directory_, base_offset_, suffix_); }

  /// Makes an empty file, or empties what there is.
  Result<void> reset();
  /// Takes over a file of `size_bytes`. False when that is no whole number of entries.
  bool adopt(uint64_t size_bytes);
  Result<void> append(Bytes entry);

  // Making the entries anew so that a crash meanwhile is noticed at the next start: from `begin_rebuild` to
  // `end_rebuild` the file has a size that `adopt` refuses. Both return once the disk has it; between them entries
  // are in memory only.
  Result<void> begin_rebuild();
  Result<void> end_rebuild();
  /// Entry `index`, of which `entry_count` are there.
  Result<void> read(uint64_t index, std::span<uint8_t> entry);
  /// How many entries come before the first for which `is_before` is false.
  Result<uint64_t> partition_point(const std::function<bool(const uint8_t*)>& is_before);
  /// Keeps the first `count` entries.
  Result<void> truncate(uint64_t count);
  Result<void> write_pending();
  /// Opens the file, for syncing it.
  Result<std::shared_ptr<File>> open() { return files_.open(path(), OpenMode::create); }

 private:
  FileSystem& files_;
  const std::string& directory_;
  Offset base_offset_;
  std::string_view suffix_;
  size_t entry_size_;
  uint64_t stored_ = 0;  ///< entries in the file
  Buffer pending_;       ///< entries that come behind those
  bool is_rebuilding_ = false;
};

}  // namespace gregor
