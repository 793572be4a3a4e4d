// What Partitions leaves on the disk for the next start: checkpoints, and closed logs.
#include <algorithm>

#include "broker/replica/partitions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Logs closed by one background job.
constexpr size_t kChunk = 16;

constexpr CheckpointKind kKinds[] = {CheckpointKind::recovery_point, CheckpointKind::log_start,
                                     CheckpointKind::high_watermark};

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
  for (CheckpointKind kind : kKinds) {
    if (auto offset = directory.checkpoints().find(kind, name)) checkpoints.of(kind)[name] = *offset;
  }
}

Result<void> write_all(LogDirectory& directory, CollectedCheckpoints& collected) {
  for (CheckpointKind kind : kKinds) {
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

Task<bool> Partitions::close_some(const std::vector<ToClose>& logs, size_t& next, Result<void>& outcome) {
  while (next < logs.size()) {
    size_t begin = next;
    next = std::min(begin + kChunk, logs.size());
    auto close = [&logs, begin, end = next]() -> Result<void> {
      Result<void> first;
      for (size_t i = begin; i < end; ++i) {
        if (logs[i].directory->health().is_offline()) continue;
        Result<void> closed = logs[i].log->close();
        if (first && !closed) first = closed;
      }
      return first;
    };
    Result<void> closed = co_await in_background(environment_.pool, close);
    if (outcome && !closed) outcome = closed;
  }
  co_return outcome.ok();
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
  std::map<const LogDirectory*, std::vector<ToClose>> logs;
  std::set<const LogDirectory*> incomplete;
  for (Shard* shard : environment_.shards) {
    auto take_all = [&] {
      for (auto& [name, partition] : local_.local().partitions) {
        partition->suspend();
        logs[&partition->directory()].push_back({&partition->directory(), &partition->log()});
        const auto& future = partition->future();
        if (future) logs[&future->directory].push_back({&future->directory, future->log.get()});
      }
      for (const auto& [name, unavailable] : local_.local().unavailable) {
        incomplete.insert(unavailable.directory);
        incomplete.insert(unavailable.told_of_in);
      }
    };
    co_await on(*shard, take_all);
  }
  DirectoryErrors outcomes;
  std::map<const LogDirectory*, size_t> next;
  std::vector<Task<bool>> closings;
  for (const auto& [directory, own] : logs) {
    for (int32_t i = 0; i < threads_per_directory; ++i) {
      closings.push_back(close_some(own, next[directory], outcomes[directory]));
    }
  }
  co_await when_all(std::move(closings));
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
