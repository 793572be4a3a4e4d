#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/metrics/histogram.h"
#include "broker/replica/compaction_notice.h"
#include "broker/replica/partition.h"
#include "runtime/async_mutex.h"
#include "runtime/background_pool.h"
#include "runtime/random.h"

namespace gregor {

/// What the log directories' checkpoint files are to say.
using AllCheckpoints = std::map<const LogDirectory*, CollectedCheckpoints>;

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
  /// Tries to open the logs again that could not be opened, less and less often; at once where only room was
  /// missing and is there now. What the controller said of them meanwhile takes effect then.
  Task<void> retry_unavailable();
  /// On shard 0, also while `load_all` goes on.
  const std::vector<LoadProgress>& load_progress() const { return progress_; }
  /// Gives partitions their roles, making the logs that are missing. `settings` has an entry for every topic.
  /// Yields an error code for each state, in order.
  Task<std::vector<ErrorCode>> apply(std::vector<PartitionState> states,
                                     std::map<std::string, PartitionSettings> settings);
  /// Where the log of a partition that is not here yet is to be made. On shard 0.
  void prefer_directory(const TopicPartition& name, LogDirectory& directory);
  /// A partition has moved from one directory to the other: removes what it left, at `retired_path` if not empty,
  /// after `delay`. On shard 0.
  Task<void> note_moved(TopicPartition name, const LogDirectory& from, const LogDirectory& to,
                        std::string retired_path, Duration delay);
  /// What the partitions of `topic` have that are here; none where there are none. On shard 0.
  Task<std::optional<PartitionSettings>> settings_of(std::string topic);
  /// Gives the partitions of `topic` that are here its new settings, on every shard.
  Task<void> reconfigure(std::string topic, PartitionSettings settings);
  /// Forgets a partition and deletes its log; its files go after file.delete.delay.ms.
  Task<ErrorCode> remove(TopicPartition name);
  /// No partition leads until the controller has spoken again.
  Task<void> suspend_all();
  /// The same for one that is not found, since its log can't be opened. On the partition's shard.
  void suspend_unavailable(const TopicPartition& name);
  /// The disk below `directory` failed: its partitions answer kafka_storage_error from now on. Yields their number.
  Task<size_t> take_offline(const LogDirectory& directory);

  /// Syncs the log of a partition up to `end` at least, in the background, and raises its recovery point. Many
  /// callers share a sync. On the partition's shard. Errors: kafka_storage_error, not_leader_or_follower when the
  /// partition is gone.
  Task<ErrorCode> flush(TopicPartition name, Offset end);
  /// How long such syncs took, on the shard that asks.
  Histogram& flush_times() { return flush_times_.local(); }
  /// The same for all that the log will have when it is its turn, with nobody who waits for it: a few at a time. On
  /// the partition's shard.
  void flush_soon(Partition& partition);
  /// Calls `visit` with every partition on its shard, letting the shard do other things in between.
  Task<void> visit_all(std::function<void(Partition&)> visit);
  /// Removes the files of segments that were taken out of the log, after file.delete.delay.ms. On the partition's
  /// shard.
  void remove_deleted_files(Partition& partition);
  /// Takes the copy away that is being made of the log, if there is one, and its files. On the partition's shard.
  void drop_future(Partition& partition);

  Task<AllCheckpoints> checkpoints();
  /// Held by who makes or removes logs while the broker runs. On shard 0.
  AsyncMutex& changing() { return changing_; }
  /// Syncs and closes every log, writes the checkpoints, and marks the directories whose logs were all opened and
  /// closed. Nothing is served then. Error: the first log or checkpoint that could not be written, but for those of
  /// offline directories.
  Task<Result<void>> close_all(int32_t threads_per_directory);

 private:
  using ByName =
      std::unordered_map<TopicPartition, std::unique_ptr<Partition>, TopicPartitionHash, TopicPartitionEqual>;
  /// A partition whose log exists but can't be opened.
  struct Unavailable {
    LogDirectory* directory = nullptr;         ///< where the log is, or is to be made; null when that is not known
    const LogDirectory* told_of_in = nullptr;  ///< whose checkpoints tell of it, where that is another one
    bool is_deleted = false;                   ///< it is to be deleted, not to be opened
    bool is_new = false;                       ///< what an older log left is still to be put out of its way
    std::string reason;
    bool lacked_room = false;
    Duration pause{};  ///< after the last try
    Instant retry_at{};
    PartitionSettings settings;
    std::optional<PartitionState> state;  ///< what the controller said last
  };
  struct FlushQueue {
    std::deque<TopicPartition> waiting;
    size_t running = 0;
  };
  struct Local {
    ByName partitions;
    std::map<TopicPartition, Unavailable> unavailable;
    std::map<const LogDirectory*, FlushQueue> to_flush;
  };
  struct Opened {
    TopicPartition name;
    LogDirectory* directory = nullptr;
    bool is_new = false;  ///< as in Unavailable
    Uuid topic_id{};      ///< of a log that is made because the controller says so
    Result<std::unique_ptr<PartitionLog>> log{std::unique_ptr<PartitionLog>()};
  };
  struct Removed {
    ErrorCode error = ErrorCode::none;
    std::string path;
    int64_t delay_ms = 0;
    const LogDirectory* directory = nullptr;
  };
  /// A log that gave way to one that can't be seen at present.
  struct MovedAway {
    TopicPartition name;
    const LogDirectory* source = nullptr;
    LogDirectory* destination = nullptr;
  };
  /// The logs of one directory that are being loaded.
  struct Loading {
    LogDirectory& directory;
    LoadProgress& progress;  ///< on shard 0
    const size_t threads;
    std::atomic<size_t> next{0};
  };
  /// The logs of one directory that are being closed.
  struct Closing {
    const LogDirectory* directory = nullptr;
    std::vector<PartitionLog*> logs;
    size_t next = 0;
    std::vector<PartitionLog*> unsynced;
    size_t next_unsynced = 0;
    Result<void> outcome;
  };
  using ByShard = std::vector<std::vector<size_t>>;

  using SettingsByTopic = std::map<std::string, PartitionSettings>;
  using DirectoryErrors = std::map<const LogDirectory*, Result<void>>;

  ByShard by_shard(const std::vector<TopicPartition>& names) const;
  /// Renames the log of a partition that could not be opened and forgets it.
  Removed take_out_unavailable(const TopicPartition& name, const Uuid& unique);
  Task<Removed> take_out(TopicPartition name, Uuid unique);
  Task<void> flush_queued(FlushQueue& queue);
  Task<void> flush_all_of(TopicPartition name);
  LogDirectory* directory_of(const Partition& partition) const;
  // Opening logs: partitions_open.cc.
  Result<void> check_duplicates();
  Result<bool> finish_move(const TopicPartition& name, LogDirectory& one, LogDirectory& other);
  Result<std::vector<MovedAway>> check_moved_marks();
  /// Null when there is none that could take a log.
  LogDirectory* directory_for_new_log(const TopicPartition& name);
  Task<bool> load_directory(LogDirectory& directory, const SettingsByTopic& settings, int32_t threads,
                            LoadProgress& progress);
  std::vector<Opened> open_from(size_t i, Loading& loading, const SettingsByTopic& settings) const;
  Task<bool> load_some(Loading& loading, const SettingsByTopic& settings);
  void open_log(Opened& entry, const SettingsByTopic& settings) const;
  Task<bool> open_and_install(std::vector<Opened> chunk, const SettingsByTopic& settings);
  /// False when one of them could not be opened.
  Task<bool> install_all(std::vector<Opened> opened, const SettingsByTopic& settings);
  std::vector<Opened> find_missing(const std::vector<const PartitionState*>& states);
  Task<void> open_missing(const std::vector<PartitionState>& states, const SettingsByTopic& settings);
  void place(std::vector<Opened>& missing);
  void make_way(std::vector<Opened>& chunk);
  void install(Opened opened, const PartitionSettings& settings);
  void note_unavailable(const Opened& opened, const PartitionSettings& settings);
  bool is_due(const Unavailable& unavailable) const;
  Task<bool> retry(TopicPartition name);

  Task<void> forget_cleaned(const LogDirectory& directory, TopicPartition name);
  void remove_later(const LogDirectory& directory, std::vector<std::string> paths, Duration delay);
  Task<void> visit_shard(std::function<void(Partition&)> visit);
  Task<void> remove_files(const LogDirectory& directory, std::vector<std::string> paths);
  // Closing: partitions_close.cc.
  void add_checkpoints_to(AllCheckpoints& all);
  Task<bool> close_directory(Closing& closing, int32_t threads);
  Task<bool> begin_closing(Closing& closing);
  Task<bool> sync_closing(Closing& closing);
  Result<void> write_last_checkpoints(AllCheckpoints& checkpoints, DirectoryErrors& outcomes,
                                      const std::set<const LogDirectory*>& incomplete) const;

  const ReplicaEnvironment environment_;
  AsyncMutex changing_;
  std::map<const LogDirectory*, size_t> logs_in_;          ///< on shard 0
  std::map<TopicPartition, LogDirectory*> preferred_for_;  ///< of partitions that are not here yet; on shard 0
  std::vector<LoadProgress> progress_;                     ///< on shard 0
  CompactionNotice compaction_notice_;
  PerShard<Local> local_;
  PerShard<Histogram> flush_times_;
};

}  // namespace gregor
