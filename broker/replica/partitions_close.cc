// What Partitions leaves on the disk for the next start: checkpoints, and closed logs.
#include <algorithm>

#include "broker/replica/partitions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Logs closed by one background job.
constexpr size_t kChunk = 16;
// From so many logs on, of which each has several files, the whole file system is synced at once: a disk does that
// in a few large steps, where file by file each waits for the one before it.
constexpr size_t kManyToSync = 32;

void add_log(CollectedCheckpoints& checkpoints, const PartitionLog& log) {
  checkpoints.of(CheckpointKind::recovery_point)[log.name()] = log.recovery_point();
  Offset start = log.log_start_offset();
  if (start > Offset(0)) checkpoints.of(CheckpointKind::log_start)[log.name()] = start;
}

void add_to(AllCheckpoints& all, Partition& partition) {
  CollectedCheckpoints& checkpoints = all[&partition.directory()];
  checkpoints.of(CheckpointKind::high_watermark)[partition.name()] = partition.high_watermark();
  add_log(checkpoints, partition.log());
  if (const auto& future = partition.future()) add_log(all[&future->directory], *future->log);
}

/// Of a log that was not opened everything stays as it was.
void carry_over(CollectedCheckpoints& checkpoints, const LogDirectory& directory, const TopicPartition& name) {
  for (CheckpointKind kind : kAllCheckpointKinds) {
    if (auto offset = directory.checkpoints().find(kind, name)) checkpoints.of(kind)[name] = *offset;
  }
}

Result<void> write_all(LogDirectory& directory, CollectedCheckpoints& collected) {
  for (CheckpointKind kind : kAllCheckpointKinds) {
    auto written = directory.checkpoints().replace(kind, std::move(collected.of(kind)), collected.generation);
    if (!written) return written;
  }
  return {};
}

}  // namespace

void Partitions::add_checkpoints_to(AllCheckpoints& all) {
  for (auto& [name, partition] : local_.local().partitions) add_to(all, *partition);
  for (const auto& [name, unavailable] : local_.local().unavailable) {
    const LogDirectory* told_of_in =
        unavailable.told_of_in != nullptr ? unavailable.told_of_in : unavailable.directory;
    if (told_of_in != nullptr) carry_over(all[told_of_in], *told_of_in, name);
  }
}

Task<AllCheckpoints> Partitions::checkpoints() {
  AllCheckpoints all;
  for (LogDirectory* directory : environment_.directories) {
    all[directory].generation = directory->checkpoints().generation();
  }
  for (Shard* shard : environment_.shards) {
    auto collect = [&] { add_checkpoints_to(all); };
    co_await on(*shard, collect);
  }
  co_return all;
}

/// Writes what the logs have not written, many threads at once: whoever has time takes the next few.
Task<bool> Partitions::begin_closing(Closing& closing) {
  while (closing.next < closing.logs.size()) {
    size_t begin = closing.next;
    closing.next = std::min(begin + kChunk, closing.logs.size());
    std::vector<PartitionLog*> unsynced;
    auto write = [&closing, &unsynced, begin, end = closing.next]() -> Result<void> {
      Result<void> first;
      for (size_t i = begin; i < end && !closing.directory->health().is_offline(); ++i) {
        Result<bool> begun = closing.logs[i]->begin_close();
        if (begun && *begun) unsynced.push_back(closing.logs[i]);
        if (first && !begun) first = begun.error();
      }
      return first;
    };
    Result<void> written = co_await in_background(environment_.pool, write);
    if (closing.outcome && !written) closing.outcome = written;
    closing.unsynced.insert(closing.unsynced.end(), unsynced.begin(), unsynced.end());
  }
  co_return closing.outcome.ok();
}

Task<bool> Partitions::sync_closing(Closing& closing) {
  while (closing.next_unsynced < closing.unsynced.size() && !closing.directory->health().is_offline()) {
    PartitionLog* log = closing.unsynced[closing.next_unsynced++];
    auto sync = [log] { return log->sync_to_close(); };
    Result<void> synced = co_await in_background(environment_.pool, sync);
    if (closing.outcome && !synced) closing.outcome = synced;
  }
  co_return closing.outcome.ok();
}

Task<bool> Partitions::close_directory(Closing& closing, int32_t threads) {
  std::vector<Task<bool>> writing;
  for (int32_t i = 0; i < threads; ++i) writing.push_back(begin_closing(closing));
  co_await when_all(std::move(writing));
  if (closing.directory->health().is_offline()) co_return false;
  if (closing.unsynced.size() >= kManyToSync) {
    auto sync = [&closing] { return closing.directory->files().sync_all(closing.directory->path()); };
    Result<void> synced = co_await in_background(environment_.pool, sync);
    if (synced) {
      for (PartitionLog* log : closing.unsynced) log->end_close();
      co_return closing.outcome.ok();
    }
  }
  std::vector<Task<bool>> syncing;
  for (int32_t i = 0; i < threads; ++i) syncing.push_back(sync_closing(closing));
  co_await when_all(std::move(syncing));
  co_return closing.outcome.ok();
}

Result<void> Partitions::write_last_checkpoints(AllCheckpoints& checkpoints, DirectoryErrors& outcomes,
                                                const std::set<const LogDirectory*>& incomplete) const {
  Result<void> first;
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    Result<void>& outcome = outcomes[directory];
    auto written = write_all(*directory, checkpoints[directory]);
    if (outcome) outcome = written;
    if (outcome && incomplete.contains(directory)) {
      log::warn("not marking a log directory as properly closed, since not all its logs could be opened path={}",
                directory->path());
      continue;
    }
    if (outcome) outcome = directory->mark_clean_shutdown();
    if (outcome) continue;
    log::error("a log directory was not closed properly, the next start will recover it path={} reason=\"{}\"",
               directory->path(), outcome.error().message);
    if (first) first = outcome;
  }
  return first;
}

Task<Result<void>> Partitions::close_all(int32_t threads_per_directory) {
  std::map<const LogDirectory*, Closing> closings;
  std::set<const LogDirectory*> incomplete;
  for (Shard* shard : environment_.shards) {
    auto take_all = [&] {
      for (auto& [name, partition] : local_.local().partitions) {
        partition->suspend();
        closings[&partition->directory()].logs.push_back(&partition->log());
        const auto& future = partition->future();
        if (future) closings[&future->directory].logs.push_back(future->log.get());
      }
      for (const auto& [name, unavailable] : local_.local().unavailable) {
        incomplete.insert(unavailable.directory);
        incomplete.insert(unavailable.told_of_in);
      }
    };
    co_await on(*shard, take_all);
  }
  std::vector<Task<bool>> closed;
  for (auto& [directory, closing] : closings) {
    closing.directory = directory;
    closed.push_back(close_directory(closing, threads_per_directory));
  }
  co_await when_all(std::move(closed));
  DirectoryErrors outcomes;
  for (const auto& [directory, closing] : closings) outcomes[directory] = closing.outcome;
  AllCheckpoints all = co_await checkpoints();
  for (Shard* shard : environment_.shards) {
    auto clear = [this] { local_.local().partitions.clear(); };
    co_await on(*shard, clear);
  }
  auto write = [&] { return write_last_checkpoints(all, outcomes, incomplete); };
  Result<void> written = co_await in_background(environment_.pool, write);
  co_return written;
}

}  // namespace gregor
