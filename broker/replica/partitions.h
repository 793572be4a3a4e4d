#pragma once

#include <map>
#include <memory>
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

/// Everything that the partitions of one broker stand on. Wired in main; outlives them.
struct ReplicaEnvironment {
  BrokerId self;
  const Shards& shards;
  BackgroundPool& pool;
  FileSystem& files;
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

  /// Opens the logs that lie in the directories, recovering what was not closed. They take no part until the
  /// controller gives them a role. `settings` has an entry for every topic. Error: the first log that can't be
  /// opened, naming the file.
  Task<Result<void>> load_all(std::map<std::string, PartitionSettings> settings, int32_t threads_per_directory);
  /// Gives partitions their roles, making the logs that are missing. `settings` has an entry for every topic.
  /// Yields an error code for each state, in order.
  Task<std::vector<ErrorCode>> apply(std::vector<PartitionState> states,
                                     std::map<std::string, PartitionSettings> settings);
  /// Forgets a partition and deletes its log; its files go after file.delete.delay.ms.
  Task<ErrorCode> remove(TopicPartition name);
  /// No partition leads until the controller has spoken again.
  Task<void> suspend_all();
  /// Syncs the log of a partition in the background, and then raises its recovery point. On the partition's shard.
  Task<void> flush_in_background(TopicPartition name);

  Task<AllCheckpoints> checkpoints();
  /// Syncs and closes every log and writes the checkpoints and the marks of a clean shutdown. Nothing is served
  /// then.
  Task<Result<void>> close_all();

 private:
  using Local =
      std::unordered_map<TopicPartition, std::unique_ptr<Partition>, TopicPartitionHash, TopicPartitionEqual>;
  struct Opened {
    TopicPartition name;
    LogDirectory* directory = nullptr;
    Result<std::unique_ptr<PartitionLog>> log{std::unique_ptr<PartitionLog>()};
  };
  using ByShard = std::vector<std::vector<size_t>>;

  ByShard by_shard(const std::vector<TopicPartition>& names) const;
  LogDirectory& directory_for_new_log();
  using SettingsByTopic = std::map<std::string, PartitionSettings>;
  Task<Result<void>> load_directory(LogDirectory& directory, const SettingsByTopic& settings, int32_t threads);
  Task<std::vector<Opened>> open_chunk(std::vector<Opened> chunk, const SettingsByTopic& settings);
  Task<Result<void>> open_and_install(std::vector<Opened> chunk, const SettingsByTopic& settings);
  Task<void> open_missing(const std::vector<PartitionState>& states, const SettingsByTopic& settings);
  void install(Opened opened, const PartitionSettings& settings);
  Task<void> remove_files(std::string path);
  Task<Result<void>> close_shard(size_t shard, AllCheckpoints& checkpoints);

  const ReplicaEnvironment environment_;
  std::map<const LogDirectory*, size_t> logs_in_;  ///< on shard 0
  PerShard<Local> local_;
};

}  // namespace gregor
