#include "broker/log/log_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "broker/log/log_files.h"
#include "broker/types/error_code.h"
#include "broker/types/uuid.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr size_t kManyLogs = 32;
constexpr const char* kCleanShutdownMark = "/.kafka_cleanshutdown";
constexpr const char* kRaftTopic = "__cluster_metadata";
constexpr const char* kMovedMark = "/moved-to";
constexpr size_t kMaxFileName = 255;
constexpr size_t kUniqueDigits = 32;

struct KindSuffix {
  std::string_view suffix;
  PartitionDirectoryName::Kind kind;
};
constexpr KindSuffix kKindSuffixes[] = {
    {"-delete", PartitionDirectoryName::Kind::deleted},
    {"-future", PartitionDirectoryName::Kind::future},
    {"-stray", PartitionDirectoryName::Kind::stray},
};

std::optional<TopicPartition> parse_partition(std::string_view name) {
  size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  std::string_view digits = name.substr(dash + 1);
  int32_t partition = -1;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), partition);
  if (problem != std::errc() || end != digits.data() + digits.size() || partition < 0) return std::nullopt;
  if (digits != std::to_string(partition)) return std::nullopt;
  return TopicPartition{std::string(name.substr(0, dash)), partition};
}

}  // namespace

std::optional<PartitionDirectoryName> PartitionDirectoryName::parse(const std::string& name) {
  std::string_view rest = name;
  Kind kind = Kind::live;
  for (const KindSuffix& known : kKindSuffixes) {
    // A topic may itself be called `x.y-delete`; only the unique part in between tells.
    size_t tail = 1 + kUniqueDigits + known.suffix.size();
    if (!rest.ends_with(known.suffix) || rest.size() <= tail || rest[rest.size() - tail] != '.') continue;
    rest.remove_suffix(tail);
    kind = known.kind;
    break;
  }
  auto partition = parse_partition(rest);
  if (!partition) return std::nullopt;
  // The topic of a deleted one may be cut. KRaft's own log, in a directory that was shared with it, is no topic's.
  bool is_topic = topic_name_problem(partition->topic).empty() && partition->topic != kRaftTopic;
  if (!is_topic && kind != Kind::deleted) return std::nullopt;
  return PartitionDirectoryName{*partition, kind};
}

namespace {

std::string directory_name_tail(int32_t partition, const Uuid& unique, std::string_view suffix) {
  std::string tail = fmt::format("-{}.", partition);
  for (uint8_t byte : unique.bytes) tail += fmt::format("{:02x}", byte);
  return tail.append(suffix);
}

}  // namespace

std::string deleted_directory_name(const TopicPartition& partition, const Uuid& unique) {
  std::string tail = directory_name_tail(partition.partition, unique, "-delete");
  return partition.topic.substr(0, kMaxFileName - tail.size()) + tail;
}

std::string stray_directory_name(const TopicPartition& partition, const Uuid& unique) {
  std::string tail = directory_name_tail(partition.partition, unique, "-stray");
  return partition.topic.substr(0, kMaxFileName - tail.size()) + tail;
}

std::optional<std::string> future_directory_name(const TopicPartition& partition, const Uuid& unique) {
  // Kafka does not cut these: the topic has to be found in the name when a broker starts.
  std::string name = partition.topic + directory_name_tail(partition.partition, unique, "-future");
  return name.size() <= kMaxFileName ? std::optional(std::move(name)) : std::nullopt;
}

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(FileSystem& files, const std::string& path) {
  std::unique_ptr<LogDirectory> directory(new LogDirectory(files, path));
  auto loaded = directory->load();
  if (loaded || directory->health_->is_offline()) return directory;
  bool is_systems = loaded.error().code.category() == std::system_category();
  if (!is_systems) return storage_error(loaded.error());
  directory->health_->take_offline(loaded.error());
  return directory;
}

Result<void> LogDirectory::load() {
  if (auto made = files_.create_directories(path_); !made) return made;
  auto lock = files_.lock(lock_path());
  if (!lock) {
    bool is_taken = lock.error().code == std::error_code(EWOULDBLOCK, std::system_category());
    if (!is_taken) return lock.error();
    return Error{ErrorCode::kafka_storage_error, "another process is using the log directory " + path_};
  }
  lock_ = std::move(*lock);
  auto properties = read_meta_properties(files_, meta_properties_path());
  if (!properties) return properties.error();
  meta_properties_ = *properties;
  if (auto scanned = scan_partitions(); !scanned) return scanned;
  checkpoints_.load();
  cleaner_offsets_ = read_cleaner_offsets();
  was_clean_ = has_clean_shutdown_mark();
  return {};
}

void LogDirectory::begin_use() {
  if (health_->is_offline()) return;
  auto removed = remove_mark_and_deleted();
  if (!removed && !health_->is_offline()) health_->take_offline(removed.error());
}

Result<void> LogDirectory::remove_mark_and_deleted() {
  if (was_clean_) {
    if (auto removed = files_.remove(path_ + kCleanShutdownMark); !removed) return removed;
  }
  // Even where there was none: a process that ended just here may have removed it, and it could be back.
  if (auto synced = files_.sync_directory(path_); !synced) return synced;
  if (!deleted_.empty()) log::info("finishing deletions directory={} logs={}", path_, deleted_.size());
  for (const std::string& path : std::exchange(deleted_, {})) {
    log::debug("finishing a deletion path={}", path);
    if (auto removed = files_.remove_all(path); !removed) return removed;
  }
  // Or each of the logs would have to sync its own; where that is not possible, they do.
  if (!was_clean_ && partitions_.size() >= kManyLogs) is_durable_ = files_.sync_all(path_).ok();
  bool is_new = !checkpoints_.exists(CheckpointKind::recovery_point) && partitions_.empty();
  if (!is_new) return {};
  // From the first checkpoint on, a log that it does not name is a new one.
  return checkpoints_.replace(CheckpointKind::recovery_point, {});
}

Result<void> LogDirectory::scan_partitions() {
  auto entries = files_.list(path_);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) continue;
    auto name = PartitionDirectoryName::parse(entry.name);
    if (!name) {
      log::warn("ignoring a directory that is no partition's path={}/{}", path_, entry.name);
    } else if (name->kind == PartitionDirectoryName::Kind::live) {
      partitions_.push_back(name->partition);
    } else if (name->kind == PartitionDirectoryName::Kind::deleted) {
      deleted_.push_back(path_ + "/" + entry.name);
    } else if (name->kind == PartitionDirectoryName::Kind::future) {
      futures_.push_back({name->partition, path_ + "/" + entry.name});
    }
  }
  return {};
}

OffsetCheckpoint LogDirectory::read_cleaner_offsets() const {
  std::string path = path_ + "/" + checkpoint_name::kCleanerOffset;
  if (!files_.exists(path)) return {};
  auto offsets = read_offset_checkpoint(files_, path);
  if (offsets) return std::move(*offsets);
  log::warn("starting without a checkpoint: {}", offsets.error().message);
  return {};
}

Result<void> LogDirectory::set_meta_properties(const MetaProperties& properties) {
  auto written = write_meta_properties(files_, meta_properties_path(), properties);
  if (!written) return storage_error(written.error());
  meta_properties_ = properties;
  return {};
}

Result<void> LogDirectory::mark_moved(const TopicPartition& partition, const LogDirectory& destination) const {
  auto written = replace_text_file(files_, path_of(partition) + kMovedMark, destination.path() + "\n");
  if (!written) return storage_error(written.error());
  return {};
}

Result<void> LogDirectory::unmark_moved(const TopicPartition& partition) const {
  std::string mark = path_of(partition) + kMovedMark;
  if (!files_.exists(mark)) return {};
  if (auto removed = files_.remove(mark); !removed) return removed;
  return files_.sync_directory(path_of(partition));
}

std::string LogDirectory::moved_to(const TopicPartition& partition) const {
  std::string mark = path_of(partition) + kMovedMark;
  if (!files_.exists(mark)) return "";
  auto text = read_text_file(files_, mark);
  if (!text || !text->ends_with('\n')) return "";
  text->pop_back();
  return std::move(*text);
}

Result<void> LogDirectory::discard(const TopicPartition& partition, const Uuid& unique) {
  std::string retired = path_ + "/" + deleted_directory_name(partition, unique);
  if (auto renamed = files_.rename(path_of(partition), retired); !renamed) return renamed;
  std::erase(partitions_, partition);
  return files_.remove_all(retired);
}

OpenOptions LogDirectory::open_options(const TopicPartition& partition) const {
  OpenOptions options;
  options.clean_shutdown = was_clean_;
  options.is_directory_durable = is_durable_;
  options.recovery_point = checkpoints_.find(CheckpointKind::recovery_point, partition).value_or(Offset(0));
  options.log_start_offset = checkpoints_.find(CheckpointKind::log_start, partition).value_or(Offset(0));
  options.knows_recovery_point = checkpoints_.exists(CheckpointKind::recovery_point);
  return options;
}

Result<void> LogDirectory::forget_cleaned(const TopicPartition& partition) const {
  std::lock_guard lock(cleaner_mutex_);
  if (cleaner_offsets_.erase(partition) == 0) return {};
  auto written = write_offset_checkpoint(files_, path_ + "/" + checkpoint_name::kCleanerOffset, cleaner_offsets_);
  if (!written) return storage_error(written.error());
  return {};
}

void LogDirectory::look() const {
  if (health_->is_offline()) return;
  // Not the directory itself: of one that was unmounted or replaced the name is still there.
  auto lock = files_.modified_ms(lock_path());
  Result<DiskSpace> space = lock ? files_.space(path_) : Result<DiskSpace>(lock.error());
  if (space) {
    health_->report_space(*space);
  } else if (!may_pass(space.error())) {
    // Elsewhere a missing file says nothing about the disk. This one we hold locked.
    health_->take_offline(space.error());
  }
}

bool LogDirectory::has_clean_shutdown_mark() const { return files_.exists(path_ + kCleanShutdownMark); }

Result<void> LogDirectory::mark_clean_shutdown() const {
  auto written = replace_text_file(files_, path_ + kCleanShutdownMark, R"({"version":0,"brokerEpoch":-1})");
  if (!written) return storage_error(written.error());
  return {};
}

}  // namespace gregor
