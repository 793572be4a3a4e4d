#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/log/log_files.h"
#include "runtime/file.h"

namespace gregor {

struct ListedFile {
  SegmentFileName name;
  uint64_t size = 0;
};

/// The segments' files in a partition's directory, as a process left them that may have been interrupted: finishes
/// or undoes what it was doing to them, by their names alone. Blocks. Errors: those of the files.
class SegmentListing {
 public:
  using Files = std::map<std::string, ListedFile>;

  SegmentListing(FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// Lists the files, ends interrupted deletions and compactions, and removes indexes without a log. Files of other
  /// names are not the log's: nothing is read from them, and nothing happens to them.
  Result<void> load();
  const Files& found() const { return found_; }
  /// Of the file in use, none when there is none.
  std::optional<uint64_t> size_of(Offset base_offset, std::string_view kind) const;

 private:
  Result<void> list();
  Result<void> finish_interrupted_work();
  Result<void> remove_leftovers(std::string_view state, Offset from);
  Result<void> finish_swaps();
  Result<Offset> end_of_swapped_log(const std::string& file_name, const ListedFile& log);
  Result<void> remove_orphaned_indexes();
  std::string path_of(const std::string& file_name) const { return directory_ + "/" + file_name; }

  FileSystem& files_;
  const std::string& directory_;
  Files found_;
  std::set<std::string> strays_;  ///< that were warned of
};

}  // namespace gregor
