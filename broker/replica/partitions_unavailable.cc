// What Partitions does about logs that exist but can't be opened: says so, and tries again.
#include <algorithm>

#include "broker/replica/partitions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// Between two tries at a log that can't be opened; doubled from one to the next.
constexpr Duration kFirstPause = std::chrono::seconds(5);
constexpr Duration kLongestPause = std::chrono::minutes(10);

}  // namespace

ErrorCode Partitions::why_absent(TopicPartitionView name) const {
  const auto& unavailable = local_.local().unavailable;
  if (unavailable.empty()) return ErrorCode::none;
  bool has_log = unavailable.contains(TopicPartition{std::string(name.topic), name.partition});
  return has_log ? ErrorCode::kafka_storage_error : ErrorCode::none;
}

void Partitions::note_unavailable(const Opened& opened, const PartitionSettings& settings) {
  Unavailable& unavailable = local_.local().unavailable[opened.name];
  unavailable.directory = opened.directory;
  unavailable.is_new = opened.is_new;
  unavailable.settings = settings;
  unavailable.pause = std::clamp(unavailable.pause * 2, kFirstPause, kLongestPause);
  unavailable.retry_at = environment_.clock.now() + unavailable.pause;
  unavailable.lacked_room = !opened.directory->health().takes_records();
  // That a directory is offline has been said once.
  if (opened.directory->health().is_offline() || unavailable.reason == opened.log.error().message) return;
  unavailable.reason = opened.log.error().message;
  log::error("could not open a log, its partition is not served partition={} reason=\"{}\"",
             opened.name.to_string(), unavailable.reason);
}

Partitions::Removed Partitions::take_out_unavailable(const TopicPartition& name, const Uuid& unique) {
  auto& unavailable = local_.local().unavailable;
  auto found = unavailable.find(name);
  if (found == unavailable.end()) return {};
  LogDirectory* directory = found->second.directory;
  Removed removed{ErrorCode::kafka_storage_error, "", found->second.settings.file_delete_delay_ms, nullptr};
  if (directory == nullptr || directory->health().is_offline()) return removed;
  std::string path = directory->path_of(name);
  removed.path = directory->path() + "/" + deleted_directory_name(name, unique);
  if (directory->files().exists(path) && !directory->files().rename(path, removed.path)) return removed;
  unavailable.erase(found);
  removed.error = ErrorCode::none;
  removed.directory = directory;
  return removed;
}

bool Partitions::is_due(const Unavailable& unavailable) const {
  if (unavailable.is_deleted || unavailable.directory == nullptr) return false;
  if (unavailable.directory->health().is_offline()) return false;
  bool has_room_again = unavailable.lacked_room && unavailable.directory->health().takes_records();
  return has_room_again || environment_.clock.now() >= unavailable.retry_at;
}

Task<void> Partitions::retry_unavailable() {
  std::vector<TopicPartition> all;
  for (Shard* shard : environment_.shards) {
    auto collect = [&] {
      for (const auto& [name, unavailable] : local_.local().unavailable) {
        if (is_due(unavailable)) all.push_back(name);
      }
    };
    co_await on(*shard, collect);
  }
  for (TopicPartition& name : all) co_await retry(std::move(name));
}

Task<bool> Partitions::retry(TopicPartition name) {
  AsyncMutex::Guard turn = co_await changing_.lock();
  // Much may have happened to it while others were retried.
  std::optional<Unavailable> due;
  auto look = [&] {
    auto& unavailable = local_.local().unavailable;
    auto found = unavailable.find(name);
    if (found != unavailable.end() && is_due(found->second)) due = found->second;
  };
  co_await on(shard_of(name), look);
  if (!due) co_return false;
  SettingsByTopic by_topic{{name.topic, due->settings}};
  std::vector<Opened> one(1);
  one[0].name = name;
  one[0].directory = due->directory;
  one[0].is_new = due->is_new;
  bool opened = co_await open_and_install(std::move(one), by_topic);
  if (!opened) co_return false;
  log::info("opened a log that could not be opened before partition={}", name.to_string());
  auto take_role = [&] {
    Partition* partition = find(name);
    if (partition == nullptr || !due->state) return;
    if (auto applied = partition->apply(*due->state, partition->settings()); !applied) {
      log::warn("a partition did not take its role partition={} reason=\"{}\"", name.to_string(),
                applied.error().message);
    }
  };
  co_await on(shard_of(name), take_role);
  co_return true;
}

}  // namespace gregor
