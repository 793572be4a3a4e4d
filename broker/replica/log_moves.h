#pragma once

#include <atomic>
#include <deque>
#include <string>

#include "broker/config/live_config.h"
#include "broker/replica/checkpointer.h"
#include "broker/replica/partitions.h"
#include "broker/replica/transfer_pace.h"
#include "runtime/async_mutex.h"

namespace gregor {

/// Moves partitions from one log directory to another while they are in use (KIP-113).
///
/// A copy of the log is made beside the other logs of the destination, in a directory with the suffix `-future`,
/// batch by batch as a follower would. Once it has everything and is as durable as the log, it takes the log's
/// place between two requests; nobody who reads or writes notices. A move that a stop or a crash interrupted goes
/// on at the next start. On shard 0, but for what is done on a partition's own.
class LogMoves {
 public:
  /// At most `at_once` partitions are moved at the same time.
  LogMoves(ReplicaEnvironment environment, Partitions& partitions, Checkpointer& checkpointer, LiveConfig& live,
           size_t at_once);

  /// Takes up again what an earlier process did not finish. After the partitions were loaded and before anybody
  /// writes to them.
  Task<void> resume();
  /// Lets `name` move to the log directory at `path`; a move of it to another place is given up, and where `path`
  /// is where it lies nothing else happens. Returns when the move is on its way. Errors: log_dir_not_found,
  /// kafka_storage_error, and replica_not_available for a partition that is not here: its log will be made there.
  Task<ErrorCode> request(TopicPartition name, std::string path);
  /// Lets what is under way end where it is; from any shard.
  void begin_stop() { is_stopping_ = true; }
  /// Returns once nothing is copied any more; what is unfinished stays so.
  Task<void> stop();

 private:
  enum class Step { more, caught_up, lacks_room, given_up, failed };
  struct Moving {
    TopicPartition name;
    std::shared_ptr<FutureLog> future;
  };
  struct Finding {
    ErrorCode error = ErrorCode::none;
    bool needs_future = false;
    Offset log_start;
    std::optional<Uuid> topic_id;
    LogConfig config;
  };

  Task<ErrorCode> request_in_turn(TopicPartition name, LogDirectory& destination);
  LogDirectory* directory_at(const std::string& path) const;
  /// On the partition's shard: what the move finds there. Gives up another one.
  Finding look(const TopicPartition& name, const LogDirectory& destination);
  Result<std::shared_ptr<FutureLog>> make_future(const TopicPartition& name, const LogDirectory& destination,
                                                 const Finding& found);
  Task<void> resume_one(FutureDirectory found, const LogDirectory& directory, std::vector<Moving>& resumed);
  void enqueue(Moving moving);
  void start_waiting();
  Task<void> run(Moving moving);

  // On the partition's shard.
  Task<bool> move(Moving moving);
  /// The partition, while this move of it is the one that is wanted.
  Partition* find(const Moving& moving);
  /// Copies a piece of one segment. Caught up once the copy has what the log had at the beginning.
  Task<Step> copy_some(Moving moving);
  /// Waits for as long as the rate asks for.
  Task<void> keep_pace(uint64_t bytes);
  Task<Step> flush(Moving moving);
  /// Appends `bytes` of the log, the first batch of which may begin before the log does.
  Result<bool> append(Partition& partition, FutureLog& future, Bytes bytes);
  Result<void> align_start(Partition& partition, PartitionLog& copy);
  /// Copies the rest, makes it as durable as the log and lets the copy take the log's place. `more` when there came
  /// too much meanwhile.
  Task<Step> finish(Moving moving);
  Task<Step> prepare_swap(Moving moving, const LogDirectory& from);
  /// In one go. `more` where it would take too long.
  Step swap(const Moving& moving, std::unique_ptr<PartitionLog>& replaced);
  Result<bool> copy_rest(Partition& partition, FutureLog& future);
  Task<void> settle(Moving moving, const LogDirectory& from, std::unique_ptr<PartitionLog> replaced);

  const ReplicaEnvironment environment_;
  Partitions& partitions_;
  Checkpointer& checkpointer_;
  LiveConfig& live_;
  Shard& home_;
  const size_t at_once_;
  AsyncMutex in_turn_;  ///< requests, one after another
  TransferPace pace_;
  std::deque<Moving> waiting_;
  size_t running_ = 0;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace gregor
