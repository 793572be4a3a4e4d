#include "broker/log/segment_listing.h"

#include <algorithm>

#include "broker/log/batch_scanner.h"
#include "runtime/logging.h"

namespace gregor {

Result<void> SegmentListing::load() {
  if (auto listed = list(); !listed) return listed;
  if (auto finished = finish_interrupted_work(); !finished) return finished;
  return remove_orphaned_indexes();
}

Result<void> SegmentListing::list() {
  auto entries = files_.list(directory_);
  if (!entries) return entries.error();
  found_.clear();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (auto name = SegmentFileName::parse(entry.name)) {
      found_[entry.name] = {*name, entry.size};
    } else if (SegmentFileName::resembles(entry.name) && strays_.insert(entry.name).second) {
      log::warn("leaving a file alone whose name is no segment's file={}", path_of(entry.name));
    }
  }
  return {};
}

Result<void> SegmentListing::finish_interrupted_work() {
  Offset first_cleaned(INT64_MAX);
  bool has_swaps = false;
  for (const auto& [file_name, file] : found_) {
    if (file.name.state == file_suffix::kCleaned) first_cleaned = std::min(first_cleaned, file.name.base_offset);
    if (file.name.state == file_suffix::kSwap) has_swaps = true;
  }
  if (auto removed = remove_leftovers(file_suffix::kDeleted, Offset(0)); !removed) return removed;
  // Output is renamed from its last segment to its first: what lies at or behind one that was not renamed belongs
  // to it, and the originals are all still there. What lies before is finished.
  if (auto removed = remove_leftovers(file_suffix::kSwap, first_cleaned); !removed) return removed;
  if (auto removed = remove_leftovers(file_suffix::kCleaned, Offset(0)); !removed) return removed;
  return has_swaps ? finish_swaps() : Result<void>();
}

/// Removes the files in this state whose base offset is `from` or more.
Result<void> SegmentListing::remove_leftovers(std::string_view state, Offset from) {
  for (auto file = found_.begin(); file != found_.end();) {
    const SegmentFileName& name = file->second.name;
    if (name.state != state || name.base_offset < from) {
      ++file;
      continue;
    }
    if (auto removed = files_.remove(path_of(file->first)); !removed) return removed;
    file = found_.erase(file);
  }
  return {};
}

Result<Offset> SegmentListing::end_of_swapped_log(const std::string& file_name, const ListedFile& log) {
  auto file = files_.open(path_of(file_name), OpenMode::read);
  if (!file) return file.error();
  BatchScanner scanner(*file, 0, log.size, BatchScanner::Depth::headers);
  Offset end = log.name.base_offset;
  while (true) {
    auto found = scanner.next();
    if (!found) return found.error();
    if (!*found) return end;
    end = (*found)->batch.next_offset();
  }
}

/// Puts the output of a finished compaction in the place of the segments that it was made from. Indexes may be all
/// that is left to be renamed.
Result<void> SegmentListing::finish_swaps() {
  Offset begin(INT64_MAX);
  Offset end(INT64_MIN);
  for (const auto& [file_name, file] : found_) {
    if (file.name.state != file_suffix::kSwap || file.name.kind != file_suffix::kLog) continue;
    auto swapped_end = end_of_swapped_log(file_name, file);
    if (!swapped_end) return swapped_end.error();
    begin = std::min(begin, file.name.base_offset);
    end = std::max(end, *swapped_end);
  }
  for (const auto& [file_name, file] : found_) {
    bool is_original = file.name.state.empty() && file.name.base_offset >= begin && file.name.base_offset < end;
    if (!is_original) continue;
    if (auto removed = files_.remove(path_of(file_name)); !removed) return removed;
  }
  for (const auto& [file_name, file] : found_) {
    if (file.name.state != file_suffix::kSwap) continue;
    std::string final_path = segment_file_path(directory_, file.name.base_offset, file.name.kind);
    if (auto renamed = files_.rename(path_of(file_name), final_path); !renamed) return renamed;
    log::info("finished an interrupted compaction file={}", final_path);
  }
  return list();
}

Result<void> SegmentListing::remove_orphaned_indexes() {
  for (const auto& [file_name, file] : found_) {
    const SegmentFileName& name = file.name;
    bool is_index = name.is_in_use(file_suffix::kOffsetIndex) || name.is_in_use(file_suffix::kTimeIndex) ||
                    name.is_in_use(file_suffix::kTransactionIndex);
    if (!is_index || size_of(name.base_offset, file_suffix::kLog)) continue;
    log::warn("removed an index without a log file={}", path_of(file_name));
    if (auto removed = files_.remove(path_of(file_name)); !removed) return removed;
  }
  return {};
}

std::optional<uint64_t> SegmentListing::size_of(Offset base_offset, std::string_view kind) const {
  auto file = found_.find(segment_file_name(base_offset, kind));
  return file == found_.end() ? std::nullopt : std::optional(file->second.size);
}

}  // namespace gregor
