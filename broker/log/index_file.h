#pragma once

#include <functional>
#include <optional>

#include "broker/log/log_files.h"
#include "runtime/buffer.h"

namespace gregor {

/// A file of rising entries of one fixed size, the common ground of the offset and the time index.
///
/// New entries wait in memory until a page of them has come together or `write_pending` is called. What a search
/// found stays in memory, a page at most, since the next search mostly goes on from there. No descriptor is kept:
/// an index is opened for as long as one call takes. The directory's path is read at each call, since a partition's
/// directory may be renamed while its log is open.
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
  /// Takes over a file of `size_bytes`; none where there is no file.
  void adopt(std::optional<uint64_t> size_bytes);
  /// Whether what was adopted is a file of whole entries.
  bool is_whole() const { return adopted_size_ && *adopted_size_ % entry_size_ == 0; }
  Result<void> append(Bytes entry);

  // Making the entries of an adopted file anew: between the two they are in memory only. Afterwards the file has
  // these and no others; what it had already is not written again.
  void begin_rebuild();
  Result<void> end_rebuild();
  // The same so that a crash meanwhile is noticed at the next start: until the end the file is not whole. Both
  // return once the disk has it.
  Result<void> begin_durable_rebuild();
  Result<void> end_durable_rebuild();
  /// Entry `index`, of which `entry_count` are there.
  Result<void> read(uint64_t index, std::span<uint8_t> entry);
  using IsBefore = std::function<bool(const uint8_t*)>;
  /// How many entries come before the first for which `is_before` is false.
  Result<uint64_t> partition_point(const IsBefore& is_before);
  /// Keeps the first `count` entries.
  Result<void> truncate(uint64_t count);
  Result<void> write_pending();
  /// Gives back the memory of what the last search found.
  void forget_found() {
    found_ = Buffer();
    found_begin_ = 0;
  }
  /// Opens the file, for syncing it.
  Result<std::shared_ptr<File>> open() { return files_.open(path(), OpenMode::create); }

 private:
  /// How many bytes of whole entries the file that was adopted begins with that the entries in memory begin with.
  Result<size_t> count_unchanged(File& file) const;
  Result<void> read_from(File& file, uint64_t index, std::span<uint8_t> entries);
  /// `partition_point` among the entries in the file.
  Result<uint64_t> search_stored(const IsBefore& is_before);
  /// Makes `found_` the entries among which that search ends.
  Result<void> search_file(const IsBefore& is_before);
  /// Whether they are these already.
  bool is_found(const IsBefore& is_before) const;
  Result<void> load_found(File& file, uint64_t first);
  uint64_t found_count() const { return found_.size() / entry_size_; }
  const uint8_t* last_found() const { return found_.data() + found_.size() - entry_size_; }

  FileSystem& files_;
  const std::string& directory_;
  Offset base_offset_;
  std::string_view suffix_;
  size_t entry_size_;
  uint64_t stored_ = 0;       ///< entries in the file
  Buffer pending_;            ///< entries that come behind those
  Buffer found_;              ///< stored entries that the last search came to
  uint64_t found_begin_ = 0;  ///< the index of the first of them
  std::optional<uint64_t> adopted_size_;
  bool is_rebuilding_ = false;
};

}  // namespace gregor
