#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/replica/partition.h"
#include "runtime/async_mutex.h"
#include "runtime/background_pool.h"
#include "runtime/random.h"

namespace gregor {

/// What a log directory's checkpoint files are to say.
struct DirectoryCheckpoints {
  OffsetCheckpoint recovery_points;
  OffsetCheckpoint log_start_offsets;
  OffsetCheckpoint high_watermarks;
};
using AllCheckpoints = std::map<const LogDirectory*, DirectoryCheckpoints>;

/// How far the loading of a log directory is.
struct LoadProgress {
  std::string directory;
  size_t logs = 0;    ///< found in it
  size_t loaded = 0;  ///< of those
};

/// Everything that the partitions of one broker stand on. Wired in main; outlives them.
struct ReplicaEnvironment {
  BrokerId self;
  const Shards& shards;
  BackgroundPool& pool;
  const Clock& clock;
  Random& random;
  std::vector<LogDirectory*> directories;
};

/// All partitions of this broker, dealt out to the shards by their names.
///
/// shard_of may be asked anywhere, find on the partition's shard; everything else is called on shard 0 and awaited
/// before the next such call.
class Partitions {
 public:
  explicit Partitions(ReplicaEnvironment environment);

  Shard& shard_of(TopicPartitionView name) const;
  /// Null when this broker has no replica of it. Valid until the caller suspends.
  Partition* find(TopicPartitionView name);

  /// What a partition is answered with that `find` does not find: kafka_storage_error where there is a log that
  /// can't be opened, none otherwise. On the partition's shard.
  ErrorCode why_absent(TopicPartitionView name) const;

  /// Opens the logs that lie in the directories, recovering what was not closed. They take no part until the
  /// controller gives them a role. `settings` has an entry for every topic. A log that can't be opened is reported
  /// and left alone. Error: a partition that lies in two directories.
  Task<Result<void>> load_all(std::map<std::string, PartitionSettings> settings, int32_t threads_per_directory);
  /// On shard 0, also while `load_all` goes on.
  const std::vector<LoadProgress>& load_progress() const { return progress_; }
  /// Gives partitions their roles, making the logs that are missing. `settings` has an entry for every topic.
  /// Yields an error code for each state, in order.
  Task<std::vector<ErrorCode>> apply(std::vector<PartitionState> states,
                                     std::map<std::string, PartitionSettings> settings);
  /// Where the log of a partition that is not here yet is to be made. On shard 0.
  void prefer_directory(const TopicPartition& name, LogDirectory& directory);
  /// A partition has moved from one directory to the other: removes what it left, at `retired_path`, after `delay`.
  /// On shard 0.
  void note_moved(const LogDirectory& from, const LogDirectory& to, std::string retired_path, Duration delay);
  /// Gives the partitions of `topic` that are here its new settings, on every shard.
  Task<void> reconfigure(std::string topic, PartitionSettings settings);
  /// Forgets a partition and deletes its log; its files go after file.delete.delay.ms.
  Task<ErrorCode> remove(TopicPartition name);
  /// No partition leads until the controller has spoken again.
  Task<void> suspend_all();
  /// The disk below `directory` failed: its partitions answer kafka_storage_error from now on. Yields their number.
  Task<size_t> take_offline(const LogDirectory& directory);

  /// Syncs the log of a partition up to `end` at least, in the background, and raises its recovery point. Many
  /// callers share a sync. On the partition's shard. Errors: kafka_storage_error, not_leader_or_follower when the
  /// partition is gone.
  Task<ErrorCode> flush(TopicPartition name, Offset end);
  /// The same for all that the log has now, with nobody who waits for it. On the partition's shard.
  Task<void> flush_all_of(TopicPartition name);
  /// Calls `visit` with every partition on its shard, letting the shard do other things in between.
  Task<void> visit_all(std::function<void(Partition&)> visit);
  /// Removes the files of segments that were taken out of the log, after file.delete.delay.ms. On the partition's
  /// shard.
  void remove_deleted_files(Partition& partition);
  /// Takes the copy away that is being made of the log, if there is one, and its files. On the partition's shard.
  void drop_future(Partition& partition);

  Task<AllCheckpoints> checkpoints();
  /// Syncs and closes every log, writes the checkpoints, and marks the directories whose logs were all closed.
  /// Nothing is served then. Error: the first log or checkpoint that could not be written, but for those of offline
  /// directories.
  Task<Result<void>> close_all();

 private:
  using ByName =
      std::unordered_map<TopicPartition, std::unique_ptr<Partition>, TopicPartitionHash, TopicPartitionEqual>;
  struct Local {
    ByName partitions;
    std::set<TopicPartition> unavailable;  ///< their logs exist but can't be opened
  };
  struct Opened {
    TopicPartition name;
    LogDirectory* directory = nullptr;
    Result<std::unique_ptr<PartitionLog>> log{std::unique_ptr<PartitionLog>()};
  };
  using ByShard = std::vector<std::vector<size_t>>;

  using SettingsByTopic = std::map<std::string, PartitionSettings>;
  using DirectoryErrors = std::map<const LogDirectory*, Result<void>>;

  ByShard by_shard(const std::vector<TopicPartition>& names) const;
  // Opening logs: partitions_open.cc.
  Result<void> check_directories();
  Result<bool> finish_move(const TopicPartition& name, LogDirectory& one, LogDirectory& other);
  /// Null when there is none that could take a log.
  LogDirectory* directory_for_new_log(const TopicPartition& name);
  Task<bool> load_directory(LogDirectory& directory, const SettingsByTopic& settings, int32_t threads,
                            LoadProgress& progress);
  Task<bool> load_some(LogDirectory& directory, const SettingsByTopic& settings, size_t& next,
                       LoadProgress& progress);
  Task<std::vector<Opened>> open_chunk(std::vector<Opened> chunk, const SettingsByTopic& settings);
  Task<bool> open_and_install(std::vector<Opened> chunk, const SettingsByTopic& settings);
  Task<void> open_missing(const std::vector<PartitionState>& states, const SettingsByTopic& settings);
  void install(Opened opened, const PartitionSettings& settings);

  void remove_later(const LogDirectory& directory, std::vector<std::string> paths, Duration delay);
  Task<void> visit_shard(std::function<void(Partition&)> visit);
  Task<void> remove_files(const LogDirectory& directory, std::vector<std::string> paths);
  // Closing: partitions_close.cc.
  Task<bool> close_shard(size_t shard, AllCheckpoints& checkpoints, DirectoryErrors& outcomes);
  Result<void> write_last_checkpoints(AllCheckpoints& checkpoints, DirectoryErrors& outcomes) const;

  const ReplicaEnvironment environment_;
  std::map<const LogDirectory*, size_t> logs_in_;          ///< on shard 0
  std::map<TopicPartition, LogDirectory*> preferred_for_;  ///< of partitions that are not here yet; on shard 0
  std::vector<LoadProgress> progress_;                     ///< on shard 0
  PerShard<Local> local_;
};

}  // namespace gregor
