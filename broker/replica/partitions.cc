#include "broker/replica/partitions.h"

#include "runtime/bounded_ms.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Partitions that are visited without letting the shard do something else.
constexpr size_t kVisitsAtOnce = 64;
constexpr size_t kMostPreferences = 100'000;
constexpr size_t kFlushesAtOnce = 4;  // of each shard, in each log directory

std::vector<TopicPartition> names_of(const std::vector<PartitionState>& states) {
  std::vector<TopicPartition> names;
  for (const auto& state : states) names.push_back(state.name);
  return names;
}

ErrorCode apply_one(Partition* partition, const PartitionState& state, const PartitionSettings& settings) {
  if (!state.is_sound()) return ErrorCode::invalid_request;
  if (partition == nullptr) return ErrorCode::kafka_storage_error;  // its log could not be opened
  auto applied = partition->apply(state, settings);
  if (applied) return ErrorCode::none;
  log::warn("did not take the controller's word on a partition partition={} reason=\"{}\"", state.name.to_string(),
            applied.error().message);
  return kafka_code(applied.error().code);
}

}  // namespace

Partitions::Partitions(ReplicaEnvironment environment)
    : environment_(std::move(environment)),
      local_(environment_.shards.size()),
      flush_times_(environment_.shards.size()) {}

Shard& Partitions::shard_of(TopicPartitionView name) const {
  return *environment_.shards[TopicPartitionHash()(name) % environment_.shards.size()];
}

Partition* Partitions::find(TopicPartitionView name) {
  ByName& partitions = local_.local().partitions;
  auto found = partitions.find(name);
  return found == partitions.end() ? nullptr : found->second.get();
}

Partitions::ByShard Partitions::by_shard(const std::vector<TopicPartition>& names) const {
  ByShard groups(environment_.shards.size());
  for (size_t i = 0; i < names.size(); ++i) groups[shard_of(names[i]).index()].push_back(i);
  return groups;
}

Task<std::vector<ErrorCode>> Partitions::apply(std::vector<PartitionState> states,
                                               std::map<std::string, PartitionSettings> settings) {
  compaction_notice_.note(settings);
  AsyncMutex::Guard turn = co_await changing_.lock();
  co_await open_missing(states, settings);
  std::vector<ErrorCode> errors(states.size());
  ByShard groups = by_shard(names_of(states));
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    auto apply_group = [&] {
      for (size_t i : groups[shard]) {
        Partition* partition = find(states[i].name);
        const PartitionSettings& own = settings.at(states[i].name.topic);
        if (partition == nullptr && states[i].is_sound()) {
          Unavailable& unavailable = local_.local().unavailable[states[i].name];
          unavailable.settings = own;
          unavailable.state = states[i];
        }
        errors[i] = apply_one(partition, states[i], own);
      }
    };
    co_await on(*environment_.shards[shard], apply_group);
  }
  co_return errors;
}

Task<std::optional<PartitionSettings>> Partitions::settings_of(std::string topic) {
  std::optional<PartitionSettings> found;
  for (Shard* shard : environment_.shards) {
    auto look = [&] {
      for (const auto& [name, partition] : local_.local().partitions) {
        if (!found && name.topic == topic) found = partition->settings();
      }
    };
    co_await on(*shard, look);
    if (found) break;
  }
  co_return found;
}

Task<void> Partitions::reconfigure(std::string topic, PartitionSettings settings) {
  compaction_notice_.note({{topic, settings}});
  for (Shard* shard : environment_.shards) {
    auto take = [&] {
      for (auto& [name, partition] : local_.local().partitions) {
        if (name.topic == topic) partition->reconfigure(settings);
      }
      for (auto& [name, unavailable] : local_.local().unavailable) {
        if (name.topic == topic) unavailable.settings = settings;
      }
    };
    co_await on(*shard, take);
  }
}

LogDirectory* Partitions::directory_of(const Partition& partition) const {
  for (LogDirectory* directory : environment_.directories) {
    if (directory == &partition.directory()) return directory;
  }
  return nullptr;
}

/// On the partition's shard. Waits for whoever syncs its files or puts another log into its place.
Task<Partitions::Removed> Partitions::take_out(TopicPartition name, Uuid unique) {
  Partition* partition = find(name);
  if (partition == nullptr) co_return take_out_unavailable(name, unique);
  partition->suspend();
  std::shared_ptr<AsyncMutex> flushing = partition->flushing();
  AsyncMutex::Guard nobody_flushes = co_await flushing->lock();
  Local& local = local_.local();
  auto found = local.partitions.find(name);
  ASSERT(found != local.partitions.end());  // one removal at a time
  std::unique_ptr<Partition> taken = std::move(found->second);
  local.partitions.erase(found);
  taken->suspend();
  drop_future(*taken);
  std::string path = taken->directory().path() + "/" + deleted_directory_name(name, unique);
  auto renamed = taken->log().retire(path);
  if (renamed) {
    co_return Removed{ErrorCode::none, path, taken->settings().file_delete_delay_ms, &taken->directory()};
  }
  log::error("could not delete a log partition={} reason=\"{}\"", name.to_string(), renamed.error().message);
  Unavailable& unavailable = local.unavailable[name];
  unavailable.directory = directory_of(*taken);
  unavailable.settings = taken->settings();
  unavailable.is_deleted = true;
  co_return Removed{ErrorCode::kafka_storage_error, "", 0, nullptr};
}

Task<ErrorCode> Partitions::remove(TopicPartition name) {
  AsyncMutex::Guard turn = co_await changing_.lock();
  Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
  Removed removed = co_await run_on(shard_of(name), take_out(name, unique));
  if (removed.directory == nullptr) co_return removed.error;
  --logs_in_[removed.directory];
  if (removed.error == ErrorCode::none) {
    log::info("deleted partition={} files_go_in_ms={}", name.to_string(), removed.delay_ms);
    co_await forget_cleaned(*removed.directory, name);
    remove_later(*removed.directory, {removed.path}, bounded_ms(removed.delay_ms));
  }
  co_return removed.error;
}

void Partitions::prefer_directory(const TopicPartition& name, LogDirectory& directory) {
  // Whoever asks for partitions that never come about must not fill the memory.
  if (preferred_for_.size() >= kMostPreferences && !preferred_for_.contains(name)) return;
  preferred_for_[name] = &directory;
}

Task<void> Partitions::note_moved(TopicPartition name, const LogDirectory& from, const LogDirectory& to,
                                  std::string retired_path, Duration delay) {
  --logs_in_[&from];
  ++logs_in_[&to];
  if (!retired_path.empty()) remove_later(from, {std::move(retired_path)}, delay);
  co_await forget_cleaned(from, std::move(name));
}

Task<void> Partitions::forget_cleaned(const LogDirectory& directory, TopicPartition name) {
  auto forget = [&] { return directory.forget_cleaned(name); };
  Result<void> forgotten = co_await in_background(environment_.pool, forget);
  if (!forgotten) log::warn("could not change the cleaner's checkpoint reason=\"{}\"", forgotten.error().message);
}

void Partitions::drop_future(Partition& partition) {
  std::shared_ptr<FutureLog> future = partition.future();
  if (!future) return;
  partition.set_future(nullptr);
  if (future->directory.health().is_offline()) return;
  Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
  std::string retired = future->directory.path() + "/" + deleted_directory_name(partition.name(), unique);
  if (auto renamed = future->log->retire(retired); !renamed) {
    log::error("could not remove the copy of a log partition={} reason=\"{}\"", partition.name().to_string(),
               renamed.error().message);
    return;
  }
  spawn(remove_files(future->directory, {std::move(retired)}));
}

void Partitions::remove_deleted_files(Partition& partition) {
  remove_later(partition.directory(), partition.log().take_deleted_files(),
               bounded_ms(partition.settings().file_delete_delay_ms));
}

void Partitions::remove_later(const LogDirectory& directory, std::vector<std::string> paths, Duration delay) {
  if (paths.empty()) return;
  Shard::current()->call_after(
      delay, [this, &directory, paths = std::move(paths)] { spawn(remove_files(directory, paths)); });
}

Task<void> Partitions::remove_files(const LogDirectory& directory, std::vector<std::string> paths) {
  auto remove = [&directory, &paths]() -> Result<void> {
    for (const auto& path : paths) {
      if (auto removed = directory.files().remove_all(path); !removed) return removed;
    }
    directory.health().report_deletion();
    return {};
  };
  Result<void> removed = co_await in_background(environment_.pool, remove);
  if (!removed)
    log::warn("could not remove deleted files, the next start will try again reason=\"{}\"",
              removed.error().message);
}

Task<void> Partitions::suspend_all() {
  for (Shard* shard : environment_.shards) {
    auto suspend = [this] {
      for (auto& [name, partition] : local_.local().partitions) partition->suspend();
      for (auto& [name, unavailable] : local_.local().unavailable) unavailable.state.reset();
    };
    co_await on(*shard, suspend);
  }
}

void Partitions::suspend_unavailable(const TopicPartition& name) {
  auto found = local_.local().unavailable.find(name);
  if (found != local_.local().unavailable.end()) found->second.state.reset();
}

Task<size_t> Partitions::take_offline(const LogDirectory& directory) {
  size_t count = 0;
  for (Shard* shard : environment_.shards) {
    auto fail = [&] {
      for (auto& [name, partition] : local_.local().partitions) {
        // A copy that can't be finished is given up; the log that it was made of goes on.
        if (partition->future() && &partition->future()->directory == &directory) partition->set_future(nullptr);
        if (&partition->directory() != &directory) continue;
        partition->fail(directory.health().error());
        ++count;
      }
    };
    co_await on(*shard, fail);
  }
  co_return count;
}

Task<ErrorCode> Partitions::flush(TopicPartition name, Offset end) {
  Partition* partition = find(name);
  if (partition == nullptr) co_return ErrorCode::not_leader_or_follower;
  // Those who wait meanwhile find that the next sync has covered all of them.
  std::shared_ptr<AsyncMutex> one_at_a_time = partition->flushing();
  AsyncMutex::Guard turn = co_await one_at_a_time->lock();
  partition = find(name);
  if (partition == nullptr) co_return ErrorCode::not_leader_or_follower;
  if (partition->log().recovery_point() >= end) co_return ErrorCode::none;
  Result<FlushJob> job = partition->log().prepare_flush();
  Result<void> flushed = job ? Result<void>() : Result<void>(job.error());
  if (job) {
    Instant begin = environment_.clock.now();
    auto run = [&job] { return job->run(); };
    flushed = co_await in_background(environment_.pool, run);
    Instant now = environment_.clock.now();
    flush_times_.local().record(now - begin, now);
  }
  partition = find(name);
  bool is_another = partition != nullptr && job && partition->log().id() != job->log_id;
  if (partition == nullptr || is_another) co_return ErrorCode::not_leader_or_follower;  // deleted meanwhile
  if (flushed) {
    partition->note_flushed(*job);
    co_return ErrorCode::none;
  }
  bool may_be_repeated = job ? job->may_be_repeated : !partition->log().has_failed();
  if (may_be_repeated) {
    if (job) partition->log().mark_unflushed(*job);
    co_return ErrorCode::kafka_storage_error;
  }
  // Never tried again: the kernel may have dropped the pages that it could not write.
  partition->fail(flushed.error());
  co_return ErrorCode::kafka_storage_error;
}

void Partitions::flush_soon(Partition& partition) {
  if (partition.is_flush_queued) return;
  partition.is_flush_queued = true;
  FlushQueue& queue = local_.local().to_flush[&partition.directory()];
  queue.waiting.push_back(partition.name());
  if (queue.running == kFlushesAtOnce) return;
  ++queue.running;
  spawn(flush_queued(queue));
}

Task<void> Partitions::flush_queued(FlushQueue& queue) {
  co_await yield();
  while (!queue.waiting.empty()) {
    TopicPartition name = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    if (Partition* partition = find(name)) partition->is_flush_queued = false;
    co_await flush_all_of(std::move(name));
  }
  --queue.running;
}

Task<void> Partitions::flush_all_of(TopicPartition name) {
  Partition* partition = find(name);
  // Whoever is at it, or waits to be, will have it all, or the next time comes.
  if (partition == nullptr || partition->flushing()->is_locked()) co_return;
  Offset end = partition->log().log_end_offset();
  co_await flush(std::move(name), end);
}

Task<void> Partitions::visit_shard(std::function<void(Partition&)> visit) {
  std::vector<TopicPartition> names;
  for (const auto& [name, partition] : local_.local().partitions) names.push_back(name);
  for (size_t i = 0; i < names.size(); ++i) {
    if (Partition* partition = find(names[i])) visit(*partition);
    if (i % kVisitsAtOnce == kVisitsAtOnce - 1) co_await yield();
  }
}

Task<void> Partitions::visit_all(std::function<void(Partition&)> visit) {
  for (Shard* shard : environment_.shards) co_await run_on(*shard, visit_shard(visit));
}

}  // namespace gregor
