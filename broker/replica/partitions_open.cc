// How Partitions opens logs: all that lie in the directories at start, and those that the controller names.
#include <fmt/format.h>

#include <algorithm>

#include "broker/replica/partitions.h"
#include "runtime/logging.h"
#include "runtime/repeating.h"

namespace gregor {
namespace {

// Logs opened by one background job: enough to make the way there and back cheap.
constexpr size_t kChunk = 64;
// After that no job begins with another log.
constexpr Duration kLongJob = std::chrono::milliseconds(20);
constexpr Duration kProgressInterval = std::chrono::seconds(5);

Task<void> tell_progress(const LoadProgress& progress) {
  log::info("loading log directory path={} loaded={} of={}", progress.directory, progress.loaded, progress.logs);
  co_return;
}

}  // namespace

/// Puts away what a move left behind whose end was interrupted. False when there was none.
Result<bool> Partitions::finish_move(const TopicPartition& name, LogDirectory& one, LogDirectory& other) {
  bool one_is_left = one.moved_to(name) == other.path();
  if (one_is_left == (other.moved_to(name) == one.path())) return false;
  LogDirectory& left = one_is_left ? one : other;
  log::info("finishing a move between log directories partition={} removed={}", name.to_string(),
            left.path_of(name));
  auto discarded = left.discard(name, Uuid::from_random(environment_.random.sixteen_bytes()));
  if (!discarded) return discarded.error();
  return true;
}

Result<void> Partitions::check_duplicates() {
  std::map<TopicPartition, LogDirectory*> seen;
  for (LogDirectory* directory : environment_.directories) {
    std::vector<TopicPartition> names = directory->partitions();
    for (const auto& name : names) {
      auto [entry, is_first] = seen.emplace(name, directory);
      if (is_first) continue;
      Result<bool> finished = finish_move(name, *entry->second, *directory);
      if (!finished) return finished.error();
      if (*finished) continue;
      return Error{make_error_code(ErrorCode::kafka_storage_error),
                   fmt::format("partition {} lies in two log directories: {} and {}; move one of them away",
                               name.to_string(), entry->second->path_of(name), directory->path_of(name))};
    }
  }
  return {};
}

/// A log that is marked, and alone: where it was going there is no log of it, so that it stays what it is. Unless
/// nobody can look there now.
Result<std::vector<Partitions::MovedAway>> Partitions::check_moved_marks() {
  std::vector<MovedAway> away;
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    std::vector<TopicPartition> names = directory->partitions();
    for (const auto& name : names) {
      std::string path = directory->moved_to(name);
      if (path.empty()) continue;
      auto is_it = [&path](const LogDirectory* other) { return other->path() == path; };
      auto destination = std::find_if(environment_.directories.begin(), environment_.directories.end(), is_it);
      if (destination == environment_.directories.end() || !(*destination)->health().is_offline()) {
        auto unmarked = directory->unmark_moved(name);
        if (!unmarked && !directory->health().is_offline()) return unmarked.error();
        continue;
      }
      log::error(
          "a partition is not served: it was moving to a directory that is offline, and may be there "
          "partition={} from={} to={}",
          name.to_string(), directory->path(), path);
      directory->leave_out(name);
      away.push_back({name, directory, *destination});
    }
  }
  return away;
}

LogDirectory* Partitions::directory_for_new_log(const TopicPartition& name) {
  auto preference = preferred_for_.find(name);
  if (preference != preferred_for_.end()) {
    LogDirectory* preferred = preference->second;
    preferred_for_.erase(preference);
    if (!preferred->health().is_offline()) return preferred;
  }
  LogDirectory* best = nullptr;
  auto rank = [&](LogDirectory* directory) {
    return std::pair(!directory->health().takes_records(), logs_in_[directory]);
  };
  for (LogDirectory* directory : environment_.directories) {
    if (directory->health().is_offline()) continue;
    if (best == nullptr || rank(directory) < rank(best)) best = directory;
  }
  return best;
}

void Partitions::install(Opened opened, const PartitionSettings& settings) {
  Local& local = local_.local();
  if (!opened.log || opened.directory->health().is_offline()) {
    note_unavailable(opened, settings);
    return;
  }
  // Changed while it was being opened, perhaps.
  auto known = local.unavailable.find(opened.name);
  const PartitionSettings latest = known == local.unavailable.end() ? settings : known->second.settings;
  Offset high_watermark =
      opened.directory->checkpoints().find(CheckpointKind::high_watermark, opened.name).value_or(Offset(0));
  auto partition = std::make_unique<Partition>(environment_.self, environment_.clock, *opened.directory,
                                               std::move(*opened.log), high_watermark, latest);
  partition->reconfigure(latest);
  local.unavailable.erase(opened.name);
  local.partitions[opened.name] = std::move(partition);
}

/// Sees to it that nothing is there of older logs where those of the chunk that are new are to be made: neither in
/// the checkpoints nor in the directory. Where that fails, the entry gets the error.
void Partitions::make_way(std::vector<Opened>& chunk) {
  std::map<LogDirectory*, std::vector<TopicPartition>> made_in;
  for (const Opened& entry : chunk) {
    if (entry.is_new) made_in[entry.directory].push_back(entry.name);
  }
  for (const auto& [directory, names] : made_in) {
    auto forgotten = directory->checkpoints().forget(names);
    for (Opened& entry : chunk) {
      if (!entry.is_new || entry.directory != directory) continue;
      Result<void> clear = forgotten;
      std::string path = directory->path_of(entry.name);
      bool is_taken = directory->files().exists(path) && directory->files().list(path);
      if (clear && is_taken) {
        Uuid unique = Uuid::from_random(environment_.random.sixteen_bytes());
        std::string aside = directory->path() + "/" + stray_directory_name(entry.name, unique);
        log::warn("put aside what lay where a new log is to be made path={} now={}", path, aside);
        clear = directory->files().rename(path, aside);
      }
      if (clear) {
        entry.is_new = false;
      } else {
        entry.log = storage_error(clear.error());
      }
    }
  }
}

/// Blocks.
void Partitions::open_log(Opened& entry, const SettingsByTopic& settings) const {
  entry.log =
      PartitionLog::open(entry.directory->files(), environment_.clock, entry.directory->path_of(entry.name),
                         entry.name, settings.at(entry.name.topic).log, entry.directory->open_options(entry.name));
  // Here, since it takes a file. Where there is no room for it, taking the controller's word fails.
  if (entry.log && !entry.topic_id.is_zero()) (void)(*entry.log)->set_topic_id(entry.topic_id);
}

/// False when a log of the chunk could not be opened.
Task<bool> Partitions::open_and_install(std::vector<Opened> chunk, const SettingsByTopic& settings) {
  auto open = [this, &chunk, &settings] {
    make_way(chunk);
    for (auto& entry : chunk) {
      if (entry.log) open_log(entry, settings);
    }
  };
  co_await in_background(environment_.pool, open);
  bool is_complete = co_await install_all(std::move(chunk), settings);
  co_return is_complete;
}

Task<bool> Partitions::install_all(std::vector<Opened> opened, const SettingsByTopic& settings) {
  std::vector<TopicPartition> names;
  bool is_complete = true;
  for (const auto& entry : opened) {
    names.push_back(entry.name);
    if (!entry.log) is_complete = false;
  }
  ByShard groups = by_shard(names);
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    if (groups[shard].empty()) continue;
    auto install_group = [&] {
      for (size_t i : groups[shard]) install(std::move(opened[i]), settings.at(names[i].topic));
    };
    co_await on(*environment_.shards[shard], install_group);
  }
  co_return is_complete;
}

Task<Result<void>> Partitions::load_all(SettingsByTopic settings, int32_t threads_per_directory) {
  auto begin_use = [this]() -> Result<std::vector<MovedAway>> {
    if (auto checked = check_duplicates(); !checked) return checked.error();
    for (LogDirectory* directory : environment_.directories) directory->begin_use();
    return check_moved_marks();
  };
  Result<std::vector<MovedAway>> away = co_await in_background(environment_.pool, begin_use);
  if (!away) co_return away.error();
  for (const MovedAway& moved : *away) {
    auto note = [&] {
      Unavailable& unavailable = local_.local().unavailable[moved.name];
      unavailable.directory = moved.destination;
      unavailable.told_of_in = moved.source;
      unavailable.settings = settings.at(moved.name.topic);
    };
    co_await on(shard_of(moved.name), note);
  }
  compaction_notice_.note(settings);
  progress_.clear();
  for (LogDirectory* directory : environment_.directories) {
    progress_.push_back({directory->path(), directory->partitions().size(), 0});
  }
  std::vector<Task<bool>> loads;
  for (size_t i = 0; i < environment_.directories.size(); ++i) {
    loads.push_back(load_directory(*environment_.directories[i], settings, threads_per_directory, progress_[i]));
  }
  co_await when_all(std::move(loads));
  for (LogDirectory* directory : environment_.directories) directory->end_load();
  co_return Result<void>();
}

Task<bool> Partitions::load_directory(LogDirectory& directory, const SettingsByTopic& settings, int32_t threads,
                                      LoadProgress& progress) {
  if (directory.health().is_offline()) co_return false;
  Instant begin = environment_.clock.now();
  logs_in_[&directory] = directory.partitions().size();
  Loading loading{directory, progress, static_cast<size_t>(threads)};
  Repeating tell;
  tell.start(kProgressInterval, [&progress] { return tell_progress(progress); });
  std::vector<Task<bool>> workers;
  for (int32_t i = 0; i < threads; ++i) workers.push_back(load_some(loading, settings));
  std::vector<bool> outcomes = co_await when_all(std::move(workers));
  co_await tell.stop();
  auto took = std::chrono::duration_cast<std::chrono::milliseconds>(environment_.clock.now() - begin).count();
  auto failed = std::count(outcomes.begin(), outcomes.end(), false);
  log::info("loaded log directory path={} partitions={} clean_shutdown={} threads={} took_ms={}", directory.path(),
            progress.loaded, directory.was_clean_shutdown(), threads, took);
  co_return failed == 0;
}

/// Opens the log `i`, and then some more. Of those that have to be read one may take long: the job is not to go on
/// for long then, nor the other threads to be without work at the end. Blocks.
std::vector<Partitions::Opened> Partitions::open_from(size_t i, Loading& loading,
                                                      const SettingsByTopic& settings) const {
  const auto& names = loading.directory.partitions();
  size_t most = std::clamp((names.size() - std::min(i, names.size())) / (2 * loading.threads), size_t{1}, kChunk);
  Instant end = environment_.clock.now() + kLongJob;
  std::vector<Opened> opened;
  while (i < names.size()) {
    open_log(opened.emplace_back(Opened{names[i], &loading.directory}), settings);
    if (opened.size() == most || environment_.clock.now() >= end) break;
    i = loading.next++;
  }
  return opened;
}

Task<bool> Partitions::load_some(Loading& loading, const SettingsByTopic& settings) {
  bool is_complete = true;
  while (loading.next < loading.directory.partitions().size()) {
    std::vector<Opened> opened;
    auto open = [&, first = loading.next++] { opened = open_from(first, loading, settings); };
    co_await in_background(environment_.pool, open);
    size_t count = opened.size();
    bool are_all_open = co_await install_all(std::move(opened), settings);
    is_complete = is_complete && are_all_open;
    loading.progress.loaded += count;
  }
  co_return is_complete;
}

/// The partitions of `states` whose logs are to be opened: in the directory where they lie, if that is known.
std::vector<Partitions::Opened> Partitions::find_missing(const std::vector<const PartitionState*>& states) {
  auto is_offline = [](LogDirectory* directory) { return directory->health().is_offline(); };
  bool has_offline = std::any_of(environment_.directories.begin(), environment_.directories.end(), is_offline);
  std::vector<Opened> missing;
  for (const PartitionState* state : states) {
    if (find(state->name) != nullptr) continue;
    const auto& unavailable = local_.local().unavailable;
    auto known = unavailable.find(state->name);
    LogDirectory* directory = known == unavailable.end() ? nullptr : known->second.directory;
    if (known != unavailable.end() && known->second.is_deleted) continue;
    // The log of a partition that is not new may lie in the directory that is offline: an empty one in another
    // place would let everything in it be forgotten.
    bool may_be_made = directory == nullptr && (state->is_new || !has_offline);
    bool can_be_opened = directory != nullptr && !is_offline(directory);
    bool is_new = known != unavailable.end() && known->second.is_new;
    Uuid topic_id = may_be_made ? state->topic_id : Uuid();
    if (may_be_made || can_be_opened) missing.push_back({state->name, directory, is_new, topic_id});
  }
  return missing;
}

/// Chooses directories for the logs that are new. Leaves out those for which there is none.
void Partitions::place(std::vector<Opened>& missing) {
  for (Opened& entry : missing) {
    if (entry.directory != nullptr) continue;
    entry.directory = directory_for_new_log(entry.name);
    entry.is_new = true;
    if (entry.directory != nullptr) ++logs_in_[entry.directory];
  }
  std::erase_if(missing, [](const Opened& entry) { return entry.directory == nullptr; });
}

Task<void> Partitions::open_missing(const std::vector<PartitionState>& states, const SettingsByTopic& settings) {
  std::map<TopicPartition, const PartitionState*> wanted;
  for (const auto& state : states) {
    if (state.is_sound()) wanted.emplace(state.name, &state);
  }
  std::vector<std::vector<const PartitionState*>> groups(environment_.shards.size());
  for (const auto& [name, state] : wanted) groups[shard_of(name).index()].push_back(state);
  std::vector<Opened> missing;
  for (size_t shard = 0; shard < groups.size(); ++shard) {
    auto look = [&] {
      for (Opened& found : find_missing(groups[shard])) missing.push_back(std::move(found));
    };
    co_await on(*environment_.shards[shard], look);
  }
  place(missing);
  std::vector<Task<bool>> openings;
  for (size_t begin = 0; begin < missing.size(); begin += kChunk) {
    std::vector<Opened> chunk;
    for (size_t i = begin; i < std::min(begin + kChunk, missing.size()); ++i)
      chunk.push_back(std::move(missing[i]));
    openings.push_back(open_and_install(std::move(chunk), settings));
  }
  // A log that can't be opened is reported there, and its partition will answer with a storage error.
  co_await when_all(std::move(openings));
}

}  // namespace gregor
