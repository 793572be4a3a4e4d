#pragma once

#include <optional>

#include "broker/log/index_file.h"

namespace gregor {

/// `<base>.index`: from offsets to positions in the segment, one entry every few kilobytes (docs/formats.md).
class OffsetIndex {
 public:
  static constexpr size_t kEntrySize = 8;
  struct Entry {
    Offset offset;          ///< the last of the batches appended together
    uint32_t position = 0;  ///< where the first of them begins
  };

  OffsetIndex(FileSystem& files, const std::string& directory, Offset base_offset)
      : file_(files, directory, base_offset, file_suffix::kOffsetIndex, kEntrySize) {}

  IndexFile& file() { return file_; }
  bool is_full(uint32_t max_bytes) const { return file_.entry_count() >= max_bytes / kEntrySize; }

  Result<void> append(Entry entry);
  /// The last entry whose offset is at most `offset`; the segment's beginning when there is none.
  Result<Entry> lookup(Offset offset);
  Result<Entry> last_entry() { return entry_before(file_.entry_count()); }
  /// The offset of the first entry at `position` or behind: all batches before `position` lie below it. None when
  /// there is no such entry.
  Result<std::optional<Offset>> offset_beyond(uint64_t position);
  /// Drops the entries of `offset` and beyond.
  Result<void> truncate_to(Offset offset);

 private:
  Result<uint64_t> count_below(Offset offset);
  Result<Entry> entry_before(uint64_t index);

  IndexFile file_;
};

}  // namespace gregor
