#include "broker/replica/partitions.h"

#include <algorithm>
#include <set>

#include "runtime/logging.h"

namespace gregor {
namespace {

// Logs opened or closed by one background job: enough to make the way there and back cheap.
constexpr size_t kChunk = 64;

std::vector<TopicPartition> names_of(const std::vector<PartitionState>& states) {
  std::vector<TopicPartition> names;
  for (const auto& state : states) names.push_back(state.name);
  return names;
}

Result<void> first_error(const std::vector<Result<void>>& outcomes) {
  for (const auto& outcome : outcomes) {
    if (!outcome) return outcome.error();
  }
  return {};
}

/// Names and epochs come from the wire: what could not be a directory's name or an epoch is no state.
bool is_sound(const PartitionState& state) {
  return topic_name_problem(state.name.topic).empty() && state.name.partition >= 0 && state.leader_epoch.value >= 0;
}

ErrorCode apply_one(Partition* partition, const PartitionState& state, const PartitionSettings& settings) {
  if (!is_sound(state)) return ErrorCode::invalid_request;
  if (partition == nullptr) return ErrorCode::kafka_storage_error;  // its log could not be opened
  auto applied = partition->apply(state, settings);
  if (applied) return ErrorCode::none;
  log::warn("did not take the controller's word on a partition partition={} reason=\"{}\"", state.name.to_string(),
            applied.error().message);
  return kafka_code(applied.error().code);
}

}  // namespace

Partitions::Partitions(ReplicaEnvironment environment)
    : environment_(std::move(environment)), local_(environment_.shards.size()) {}

Shard& Partitions::shard_of(TopicPartitionView name) const {
  return *environment_.shards[TopicPartitionHash()(name) % environment_.shards.size()];
}

Partition* Partitions::find(TopicPartitionView name) {
  Local& local = local_.local();
  auto found = local.find(name);
  return found == local.end() ? nullptr : found->second.get();
}

Partitions::ByShard Partitions::by_shard(const std::vector<TopicPartition>& names) const {
  ByShard groups(environment_.shards.size());
  for (size_t i = 0; i < names.size(); ++i) groups[shard_of(names[i]).index()].push_back(i);
  return groups;
}

LogDirectory& Partitions::directory_for_new_log() {
  auto fewest =
      std::min_element(environment_.directories.begin(), environment_.directories.end(),
                       [&](const LogDirectory* a, const LogDirectory* b) { return logs_in_[a] < logs_in_[b]; });
  return **fewest;
}

void Partitions::install(Opened opened, const PartitionSettings& settings) {
  Offset high_watermark = opened.directory->high_watermark(opened.name).value_or(Offset(0));
  local_.local()[opened.name] = std::make_unique<Partition>(
      environment_.self, environment_.clock, *opened.directory, std::move(*opened.log), high_watermark, settings);
}

Task<std::vector<Partitions::Opened>> Partitions::open_chunk(std::vector<Opened> chunk,
                                                             const SettingsByTopic& settings) {
  auto open = [this, &chunk, &settings] {
    for (auto& entry : chunk) {
      entry.log = PartitionLog::open(environment_.files, environment_.clock, entry.directory->path_of(entry.name),
                                     entry.name, settings.at(entry.name.topic).log,
                                     entry.directory->open_options(entry.name));
    }
  };
  co_await in_background(environment_.pool, open);
  co_return std::move(chunk);
}

Task<Result<void>> Partitions::open_and_install(std::vector<Opened> chunk, const SettingsByTopic& settings) {
  std::vector<Opened> opened = co_await open_chunk(std::move(chunk), settings);
  std::vector<TopicPartition> names;
  Result<void> outcome;
  for (const auto& entry : opened) {
    names.push_back(entry.name);
    if (!entry.log && outcome) outcome = entry.log.error();
    if (!entry.log)
      log::error("could not open a log partition={} reason=\"{}\"", entry.name.to_string(),
                 entry.log.error().message);
  }
  ByShard groups = by_shard(names);
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    auto install_group = [&] {
      for (size_t i : groups[shard]) {
        if (opened[i].log) install(std::move(opened[i]), settings.at(names[i].topic));
      }
    };
    co_await on(*environment_.shards[shard], install_group);
  }
  co_return outcome;
}

Task<Result<void>> Partitions::load_all(SettingsByTopic settings, int32_t threads_per_directory) {
  std::vector<Task<Result<void>>> loads;
  for (LogDirectory* directory : environment_.directories) {
    loads.push_back(load_directory(*directory, settings, threads_per_directory));
  }
  std::vector<Result<void>> outcomes = co_await when_all(std::move(loads));
  co_return first_error(outcomes);
}

Task<Result<void>> Partitions::load_directory(LogDirectory& directory, const SettingsByTopic& settings,
                                              int32_t threads) {
  Instant begin = environment_.clock.now();
  const auto& names = directory.partitions();
  logs_in_[&directory] = names.size();
  size_t next = 0;
  while (next < names.size()) {
    std::vector<Task<Result<void>>> wave;
    for (int32_t i = 0; i < threads && next < names.size(); ++i) {
      std::vector<Opened> chunk;
      for (; next < names.size() && chunk.size() < kChunk; ++next) {
        chunk.push_back(Opened{names[next], &directory});
      }
      wave.push_back(open_and_install(std::move(chunk), settings));
    }
    std::vector<Result<void>> outcomes = co_await when_all(std::move(wave));
    Result<void> outcome = first_error(outcomes);
    if (!outcome) co_return outcome;
  }
  auto took = std::chrono::duration_cast<std::chrono::milliseconds>(environment_.clock.now() - begin).count();
  log::info("loaded log directory path={} partitions={} clean_shutdown={} took_ms={}", directory.path(),
            names.size(), directory.was_clean_shutdown(), took);
  co_return Result<void>();
}

Task<void> Partitions::open_missing(const std::vector<PartitionState>& states, const SettingsByTopic& settings) {
  std::vector<Opened> missing;
  std::set<TopicPartition> wanted;
  for (const auto& state : states) {
    if (is_sound(state)) wanted.insert(state.name);
  }
  std::vector<TopicPartition> names(wanted.begin(), wanted.end());
  ByShard groups = by_shard(names);
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    auto look = [&] {
      for (size_t i : groups[shard]) {
        if (find(names[i]) == nullptr) missing.push_back(Opened{names[i]});
      }
    };
    co_await on(*environment_.shards[shard], look);
  }
  std::vector<Task<Result<void>>> openings;
  for (size_t begin = 0; begin < missing.size(); begin += kChunk) {
    std::vector<Opened> chunk;
    for (size_t i = begin; i < std::min(begin + kChunk, missing.size()); ++i) {
      missing[i].directory = &directory_for_new_log();
      ++logs_in_[missing[i].directory];
      chunk.push_back(std::move(missing[i]));
    }
    openings.push_back(open_and_install(std::move(chunk), settings));
  }
  // A log that can't be opened is reported there, and its partition will answer with a storage error.
  co_await when_all(std::move(openings));
}

Task<std::vector<ErrorCode>> Partitions::apply(std::vector<PartitionState> states,
                                               std::map<std::string, PartitionSettings> settings) {
  co_await open_missing(states, settings);
  std::vector<ErrorCode> errors(states.size());
  ByShard groups = by_shard(names_of(states));
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    auto apply_group = [&] {
      for (size_t i : groups[shard]) {
        errors[i] = apply_one(find(states[i].name), states[i], settings.at(states[i].name.topic));
      }
    };
    co_await on(*environment_.shards[shard], apply_group);
  }
  co_return errors;
}

Task<ErrorCode> Partitions::remove(TopicPartition name) {
  struct Removed {
    ErrorCode error = ErrorCode::none;
    std::string path;
    int64_t delay_ms = 0;
    const LogDirectory* directory = nullptr;
  };
  Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
  auto take_out = [&]() -> Removed {
    Local& local = local_.local();
    auto found = local.find(name);
    if (found == local.end()) return {};
    std::unique_ptr<Partition> partition = std::move(found->second);
    local.erase(found);
    partition->suspend();
    Removed removed{ErrorCode::none, partition->directory().path() + "/" + deleted_directory_name(name, unique),
                    partition->settings().file_delete_delay_ms, &partition->directory()};
    auto renamed = partition->log().rename_directory(removed.path);
    if (!renamed) {
      log::error("could not delete a log partition={} reason=\"{}\"", name.to_string(), renamed.error().message);
      removed.error = ErrorCode::kafka_storage_error;
    }
    return removed;
  };
  Removed removed = co_await on(shard_of(name), take_out);
  if (removed.directory == nullptr) co_return ErrorCode::none;
  --logs_in_[removed.directory];
  if (removed.error == ErrorCode::none) {
    log::info("deleted partition={} files_go_in_ms={}", name.to_string(), removed.delay_ms);
    Shard::current()->call_after(std::chrono::milliseconds(removed.delay_ms),
                                 [this, path = removed.path] { spawn(remove_files(path)); });
  }
  co_return removed.error;
}

Task<void> Partitions::remove_files(std::string path) {
  auto remove = [this, &path] { return environment_.files.remove_all(path); };
  Result<void> removed = co_await in_background(environment_.pool, remove);
  if (!removed)
    log::warn("could not remove a deleted log, the next start will try again reason=\"{}\"",
              removed.error().message);
}

Task<void> Partitions::suspend_all() {
  for (Shard* shard : environment_.shards) {
    auto suspend = [this] {
      for (auto& [name, partition] : local_.local()) partition->suspend();
    };
    co_await on(*shard, suspend);
  }
}

Task<void> Partitions::flush_in_background(TopicPartition name) {
  Partition* partition = find(name);
  if (partition == nullptr) co_return;
  Result<FlushJob> job = partition->log().prepare_flush();
  Result<void> flushed = job ? Result<void>() : Result<void>(job.error());
  if (job) {
    auto run = [&job] { return job->run(); };
    flushed = co_await in_background(environment_.pool, run);
  }
  partition = find(name);
  if (partition == nullptr) co_return;  // deleted meanwhile
  if (flushed) {
    partition->log().mark_flushed(*job);
  } else {
    // Never tried again: the kernel may have dropped the pages that it could not write.
    log::error("could not sync a log partition={} reason=\"{}\"", name.to_string(), flushed.error().message);
    partition->fail(flushed.error());
  }
}

Task<AllCheckpoints> Partitions::checkpoints() {
  AllCheckpoints all;
  for (LogDirectory* directory : environment_.directories) all[directory];
  for (Shard* shard : environment_.shards) {
    auto collect = [&] {
      for (auto& [name, partition] : local_.local()) {
        DirectoryCheckpoints& checkpoints = all[&partition->directory()];
        checkpoints.recovery_points[name] = partition->log().recovery_point();
        checkpoints.high_watermarks[name] = partition->high_watermark();
        Offset start = partition->log().log_start_offset();
        if (start > Offset(0)) checkpoints.log_start_offsets[name] = start;
      }
    };
    co_await on(*shard, collect);
  }
  co_return all;
}

Task<Result<void>> Partitions::close_shard(size_t shard, AllCheckpoints& checkpoints) {
  std::vector<std::unique_ptr<Partition>> taken;
  auto take_all = [&] {
    for (auto& [name, partition] : local_.local()) {
      partition->suspend();
      taken.push_back(std::move(partition));
    }
    local_.local().clear();
  };
  co_await on(*environment_.shards[shard], take_all);
  auto close = [&]() -> Result<void> {
    for (auto& partition : taken) {
      if (auto closed = partition->log().close(); !closed) return closed;
    }
    return {};
  };
  Result<void> closed = co_await in_background(environment_.pool, close);
  for (auto& partition : taken) {
    DirectoryCheckpoints& of_directory = checkpoints[&partition->directory()];
    of_directory.recovery_points[partition->name()] = partition->log().log_end_offset();
    of_directory.high_watermarks[partition->name()] = partition->high_watermark();
    Offset start = partition->log().log_start_offset();
    if (start > Offset(0)) of_directory.log_start_offsets[partition->name()] = start;
  }
  co_return closed;
}

Task<Result<void>> Partitions::close_all() {
  AllCheckpoints all;
  std::vector<Task<Result<void>>> closings;
  for (size_t i = 0; i < environment_.shards.size(); ++i) closings.push_back(close_shard(i, all));
  std::vector<Result<void>> outcomes = co_await when_all(std::move(closings));
  Result<void> closed = first_error(outcomes);
  if (!closed) co_return closed;
  auto write = [&]() -> Result<void> {
    for (LogDirectory* directory : environment_.directories) {
      DirectoryCheckpoints& checkpoints = all[directory];
      if (auto written = directory->write_recovery_points(checkpoints.recovery_points); !written) return written;
      if (auto written = directory->write_log_start_offsets(checkpoints.log_start_offsets); !written)
        return written;
      if (auto written = directory->write_high_watermarks(checkpoints.high_watermarks); !written) return written;
      if (auto marked = directory->mark_clean_shutdown(); !marked) return marked;
    }
    return {};
  };
  Result<void> written = co_await in_background(environment_.pool, write);
  co_return written;
}

}  // namespace gregor
