// What Partitions leaves on the disk for the next start: checkpoints, and closed logs.
#include "broker/replica/partitions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

void add_log(DirectoryCheckpoints& checkpoints, const PartitionLog& log) {
  checkpoints.recovery_points[log.name()] = log.recovery_point();
  Offset start = log.log_start_offset();
  if (start > Offset(0)) checkpoints.log_start_offsets[log.name()] = start;
}

void add_to(AllCheckpoints& all, Partition& partition) {
  DirectoryCheckpoints& checkpoints = all[&partition.directory()];
  checkpoints.high_watermarks[partition.name()] = partition.high_watermark();
  add_log(checkpoints, partition.log());
  if (const auto& future = partition.future()) add_log(all[&future->directory], *future->log);
}

/// Blocks.
Result<void> close_log(const LogDirectory& directory, PartitionLog& log) {
  return directory.health().is_offline() ? Result<void>() : log.close();
}

Result<void> write_all(const LogDirectory& directory, const DirectoryCheckpoints& checkpoints) {
  if (auto written = directory.write_recovery_points(checkpoints.recovery_points); !written) return written;
  if (auto written = directory.write_log_start_offsets(checkpoints.log_start_offsets); !written) return written;
  return directory.write_high_watermarks(checkpoints.high_watermarks);
}

}  // namespace

Task<AllCheckpoints> Partitions::checkpoints() {
  AllCheckpoints all;
  for (LogDirectory* directory : environment_.directories) all[directory];
  for (Shard* shard : environment_.shards) {
    auto collect = [&] {
      for (auto& [name, partition] : local_.local().partitions) {
        add_to(all, *partition);
      }
    };
    co_await on(*shard, collect);
  }
  co_return all;
}

Task<bool> Partitions::close_shard(size_t shard, AllCheckpoints& checkpoints, DirectoryErrors& outcomes) {
  std::vector<std::unique_ptr<Partition>> taken;
  auto take_all = [&] {
    for (auto& [name, partition] : local_.local().partitions) {
      partition->suspend();
      taken.push_back(std::move(partition));
    }
    local_.local().partitions.clear();
  };
  co_await on(*environment_.shards[shard], take_all);
  std::vector<std::pair<const LogDirectory*, Result<void>>> closed;
  auto close = [&] {
    for (auto& partition : taken) {
      closed.emplace_back(&partition->directory(), close_log(partition->directory(), partition->log()));
      const auto& future = partition->future();
      if (future) closed.emplace_back(&future->directory, close_log(future->directory, *future->log));
    }
  };
  co_await in_background(environment_.pool, close);
  for (const auto& [directory, outcome] : closed) {
    if (!outcome && outcomes[directory]) outcomes[directory] = outcome;
  }
  for (auto& partition : taken) add_to(checkpoints, *partition);
  co_return true;
}

Result<void> Partitions::write_last_checkpoints(AllCheckpoints& checkpoints, DirectoryErrors& outcomes) const {
  Result<void> first;
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    Result<void>& outcome = outcomes[directory];
    auto written = write_all(*directory, checkpoints[directory]);
    if (outcome) outcome = written;
    if (outcome) outcome = directory->mark_clean_shutdown();
    if (outcome) continue;
    log::error("a log directory was not closed properly, the next start will recover it path={} reason=\"{}\"",
               directory->path(), outcome.error().message);
    if (first) first = outcome;
  }
  return first;
}

Task<Result<void>> Partitions::close_all() {
  AllCheckpoints all;
  DirectoryErrors outcomes;
  std::vector<Task<bool>> closings;
  for (size_t i = 0; i < environment_.shards.size(); ++i) closings.push_back(close_shard(i, all, outcomes));
  co_await when_all(std::move(closings));
  auto write = [&] { return write_last_checkpoints(all, outcomes); };
  Result<void> written = co_await in_background(environment_.pool, write);
  co_return written;
}

}  // namespace gregor
