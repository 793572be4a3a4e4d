#pragma once

#include "broker/log/index_file.h"

namespace gregor {

/// A timestamp and the last offset of the batch that has it as its maximum; -1 and the base offset when there is
/// none.
struct TimestampOffset {
  int64_t timestamp = -1;
  Offset offset;
};

/// `<base>.timeindex`: the greatest timestamp so far, noted whenever the offset index gets an entry and it has
/// grown (docs/formats.md). Timestamps rise strictly from entry to entry.
class TimeIndex {
 public:
  static constexpr size_t kEntrySize = 12;

  TimeIndex(FileSystem& files, const std::string& directory, Offset base_offset)
      : file_(files, directory, base_offset, file_suffix::kTimeIndex, kEntrySize) {}

  IndexFile& file() { return file_; }
  Result<void> reset() {
    last_.reset();
    return file_.reset();
  }
  void begin_rebuild() {
    last_.reset();
    file_.begin_rebuild();
  }
  Result<void> begin_durable_rebuild() {
    last_.reset();
    return file_.begin_durable_rebuild();
  }
  bool is_full(uint32_t max_bytes) const { return file_.entry_count() + 1 >= max_bytes / kEntrySize; }

  /// Appends `entry` if its timestamp is greater than the last.
  Result<void> append_if_later(TimestampOffset entry);
  /// The last entry whose timestamp is at most `timestamp`.
  Result<TimestampOffset> lookup(int64_t timestamp);
  Result<TimestampOffset> last_entry();
  Result<TimestampOffset> first_entry() { return entry_before(file_.entry_count() > 0 ? 1 : 0); }
  /// Drops the entries of `offset` and beyond.
  Result<void> truncate_to(Offset offset);

 private:
  Result<TimestampOffset> entry_before(uint64_t index);

  IndexFile file_;
  std::optional<TimestampOffset> last_;  ///< the last entry, once it was asked for
};

}  // namespace gregor
