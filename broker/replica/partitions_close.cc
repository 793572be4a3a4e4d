// What Partitions leaves on the disk for the next start: checkpoints, and closed logs.
#include "broker/replica/partitions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

void add_to(DirectoryCheckpoints& checkpoints, Partition& partition, Offset recovery_point) {
  const TopicPartition& name = partition.name();
  checkpoints.recovery_points[name] = recovery_point;
  checkpoints.high_watermarks[name] = partition.high_watermark();
  Offset start = partition.log().log_start_offset();
  if (start > Offset(0)) checkpoints.log_start_offsets[name] = start;
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
        add_to(all[&partition->directory()], *partition, partition->log().recovery_point());
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
  std::vector<Result<void>> closed(taken.size());
  auto close = [&] {
    for (size_t i = 0; i < taken.size(); ++i) {
      if (!taken[i]->directory().health().is_offline()) closed[i] = taken[i]->log().close();
    }
  };
  co_await in_background(environment_.pool, close);
  for (size_t i = 0; i < taken.size(); ++i) {
    const LogDirectory* directory = &taken[i]->directory();
    if (!closed[i] && outcomes[directory]) outcomes[directory] = closed[i];
    add_to(checkpoints[directory], *taken[i], taken[i]->log().recovery_point());
  }
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
