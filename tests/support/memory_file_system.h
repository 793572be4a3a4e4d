#pragma once

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "tests/support/cached_content.h"

namespace gregor::testing {

/// What goes wrong, as chances from 0 to 1 for each call.
struct FaultRates {
  double read_error = 0;   ///< EIO
  double write_error = 0;  ///< EIO, after any part of the bytes was written
  double sync_error = 0;   ///< EIO, and what was not on the disk never will be
};

/// Files in memory on a disk that can lose its power, with faults that come as a seed has them.
///
/// Programs see what they wrote at once. What was not synced may be lost in `lose_power`: of a file's content as
/// CachedContent says; of creations, renames and removals in a directory, the last ones since `sync_directory` was
/// called for it, whether or not the files were synced. A rename from one directory to another is durable at once.
/// `end_process` loses nothing. Both close every file: what is opened before answers EIO afterwards, and locks are
/// free. For one thread.
class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(uint64_t seed = 0);
  ~MemoryFileSystem() override;

  void end_process();
  void lose_power();
  /// As lose_power, at its worst: nothing is left that was not synced.
  void lose_everything_unsynced();

  void set_fault_rates(const FaultRates& rates) { rates_ = rates; }
  /// Every change fails with EROFS.
  void set_read_only(bool is_read_only) { is_read_only_ = is_read_only; }
  /// How many bytes all files may have together; a write beyond is cut there and fails with ENOSPC.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  /// Lets `count` more changes through. The next one is torn, and it and all that follows fail with EIO, as for a
  /// process that ended in the middle of it; until `end_process` or a loss of power.
  void stop_after(uint64_t count) { changes_left_ = count; }
  bool is_stopped() const { return is_stopped_; }
  /// How many changes there were: writes, truncations, syncs, creations, renames, removals.
  uint64_t change_count() const { return change_count_; }

  /// What the clock shows to files that change.
  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }

  /// Makes a file with this content and the directories above it; durable at once, and no fault comes in between.
  void put(const std::string& path, Bytes content);
  /// What programs see of the file at `path`, which must be there.
  const std::vector<uint8_t>& content(const std::string& path) const;
  /// What of the file at `path` is left whatever happens; none when it may be gone.
  std::optional<std::vector<uint8_t>> durable_content(const std::string& path) const;

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  bool exists(const std::string& path) override { return find(path) != nullptr; }
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  /// The `now_ms` of the last write or truncation.
  Result<int64_t> modified_ms(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_all(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_all(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class OpenFile;
  class Lock;
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePtr>;
  /// One or two names of a directory that change at once; null takes a name away.
  using EntryChange = std::vector<std::pair<std::string, NodePtr>>;
  enum class Survival { all, some, least };

  NodePtr find(const std::string& path) const;
  /// The directory that holds, or would hold, `path`; null when there is none.
  NodePtr parent_of(const std::string& path) const;
  static void apply(const EntryChange& change, Entries& to);
  static void change_entries(Node& directory, EntryChange change);
  /// Counts a change that is about to happen. Error: EIO, EROFS, or that nothing happens any more.
  Result<void> begin_change(const std::string& doing);
  Result<void> begin_read(const std::string& doing);
  uint64_t used_bytes() const;
  /// How large a file of `content` may become.
  uint64_t greatest_size(const CachedContent& content) const;
  /// How many of `size` bytes a write brings about, and what it answers then.
  size_t writable_size(const CachedContent& content, uint64_t position, size_t size, const std::string& path,
                       Result<void>& outcome);
  static void sync_node(Node& node);
  void restart(Survival survival);
  void restart_node(Node& node, Survival survival);
  bool happens(double chance);

  NodePtr root_;
  std::mt19937_64 random_;
  int64_t now_ms_ = 0;
  FaultRates rates_;
  bool is_read_only_ = false;
  uint64_t capacity_ = std::numeric_limits<uint64_t>::max();
  uint64_t changes_left_ = std::numeric_limits<uint64_t>::max();
  bool is_stopped_ = false;
  uint64_t change_count_ = 0;
  uint64_t process_ = 0;  ///< counts restarts; files opened before the last one are closed
  std::set<std::string> locked_;
};

}  // namespace gregor::testing
