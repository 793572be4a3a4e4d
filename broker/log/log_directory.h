#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/checkpoints.h"
#include "broker/log/guarded_files.h"
#include "broker/log/meta_properties.h"
#include "broker/log/recovery.h"
#include "broker/types/topic_partition.h"
#include "broker/types/uuid.h"

namespace gregor {

/// What the name of a directory below a log directory says.
struct PartitionDirectoryName {
  enum class Kind { live, deleted, future, stray };
  TopicPartition partition;
  Kind kind = Kind::live;

  /// `orders-3`, or `orders-3.<32 hex>-delete` and the like; a topic may contain `-` and `.`. None for other names.
  static std::optional<PartitionDirectoryName> parse(const std::string& name);
};

/// The name that a partition's directory gets when it is to be deleted; the topic is cut where it would be longer
/// than 255 bytes. `unique` are random bytes.
std::string deleted_directory_name(const TopicPartition& partition, const Uuid& unique);
/// The name that is given to a directory that was found where a new log is to be made.
std::string stray_directory_name(const TopicPartition& partition, const Uuid& unique);
/// The name of the directory in which a copy of a partition's log is made that is to take its place. None when it
/// would be longer than 255 bytes.
std::optional<std::string> future_directory_name(const TopicPartition& partition, const Uuid& unique);

/// A copy of a partition's log that an earlier process was making, and the path of its directory.
struct FutureDirectory {
  TopicPartition partition;
  std::string path;
};

/// One entry of log.dirs, locked for this process: its meta.properties, its checkpoints, whether it was closed
/// properly, and the partitions in it.
///
/// Owned by main; used by one thread at a time, but for its checkpoints.
class LogDirectory {
 public:
  /// Locks the directory, which is made if it is missing, and reads what is in it. A directory whose disk fails
  /// meanwhile is returned all the same, as offline. Errors: kafka_storage_error, when another broker has the lock
  /// or a file in it makes no sense.
  static Result<std::unique_ptr<LogDirectory>> open(FileSystem& files, const std::string& path);
  /// Removes the mark of a clean shutdown and the remains of deletions, and makes the first checkpoint in a new
  /// directory: once it is certain that the directory is this broker's, and before a log in it is opened. What
  /// fails takes the directory offline. Blocks.
  void begin_use();

  const std::string& path() const { return path_; }
  /// Its files, watched: what fails on them changes `health`.
  FileSystem& files() const { return files_; }
  DirectoryHealth& health() const { return *health_; }
  std::string path_of(const TopicPartition& partition) const { return path_ + "/" + partition.to_string(); }
  std::string meta_properties_path() const { return path_ + "/meta.properties"; }
  const std::optional<MetaProperties>& meta_properties() const { return meta_properties_; }
  /// All logs that were found are loaded: what is opened from here on may have been changed by this process.
  void end_load() { is_durable_ = false; }
  Result<void> set_meta_properties(const MetaProperties& properties);
  /// Whether the last process that had the directory closed it.
  bool was_clean_shutdown() const { return was_clean_; }
  /// The partitions found at `open`, without those being deleted, moved or strayed.
  const std::vector<TopicPartition>& partitions() const { return partitions_; }
  /// The copies found at `open`.
  const std::vector<FutureDirectory>& futures() const { return futures_; }

  // A move to another log directory ends with two renames. Should the process end between them the partition lies
  // in both directories, and the mark tells which of them is to go.
  /// Leaves the mark that the log of `partition`, which is here, gives way to the one in `destination`. Durable;
  /// blocks.
  Result<void> mark_moved(const TopicPartition& partition, const LogDirectory& destination) const;
  Result<void> unmark_moved(const TopicPartition& partition) const;
  /// The path of the directory that `partition` is marked to have moved to; empty when it is not.
  std::string moved_to(const TopicPartition& partition) const;
  /// Leaves `partition` out of `partitions`.
  void leave_out(const TopicPartition& partition) { std::erase(partitions_, partition); }
  /// Removes the log of a partition that gave way to another one, as `open` would a deleted one.
  Result<void> discard(const TopicPartition& partition, const Uuid& unique);

  /// How to open the log of `partition`, by the checkpoints as they lie on the disk.
  OpenOptions open_options(const TopicPartition& partition) const;
  /// Takes `partition`, which was deleted or moved away, out of the checkpoint of the cleaner, which Kafka may have
  /// left here: it would take a new log of that name for a cleaned one. Blocks; from any thread.
  Result<void> forget_cleaned(const TopicPartition& partition) const;
  Checkpoints& checkpoints() const { return checkpoints_; }

  /// Looks whether the directory is still where it was and how much room it has. One that is gone, unmounted or
  /// can't be read any more goes offline. Blocks; from any thread.
  void look() const;

  /// Leaves the mark of a clean shutdown; after every log was closed and every checkpoint written. Blocks.
  Result<void> mark_clean_shutdown() const;
  /// Whether that mark is there now. Blocks.
  bool has_clean_shutdown_mark() const;

 private:
  LogDirectory(FileSystem& files, std::string path)
      : path_(std::move(path)),
        health_(std::make_shared<DirectoryHealth>(path_)),
        files_(files, health_),
        checkpoints_(files_, path_) {}

  Result<void> load();
  std::string lock_path() const { return path_ + "/.lock"; }
  Result<void> scan_partitions();
  Result<void> remove_mark_and_deleted();
  OffsetCheckpoint read_cleaner_offsets() const;

  std::string path_;
  std::shared_ptr<DirectoryHealth> health_;
  mutable GuardedFileSystem files_;
  std::unique_ptr<FileLock> lock_;
  std::optional<MetaProperties> meta_properties_;
  bool was_clean_ = false;
  bool is_durable_ = false;  ///< whatever the process did that had it before
  std::vector<TopicPartition> partitions_;
  std::vector<FutureDirectory> futures_;
  std::vector<std::string> deleted_;  ///< paths of directories whose deletion was not finished
  mutable Checkpoints checkpoints_;
  mutable std::mutex cleaner_mutex_;
  mutable OffsetCheckpoint
      cleaner_offsets_;  ///< of the cleaner that had the directory before; under cleaner_mutex_
};

}  // namespace gregor
