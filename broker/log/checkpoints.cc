#include "broker/log/checkpoints.h"

#include <algorithm>

#include "broker/log/log_files.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

std::string path_of(const std::string& directory, CheckpointKind kind) {
  constexpr const char* kNames[] = {checkpoint_name::kRecoveryPoint, checkpoint_name::kLogStartOffset,
                                    checkpoint_name::kReplication};
  return directory + "/" + kNames[static_cast<size_t>(kind)];
}

}  // namespace

void Checkpoints::load() {
  std::lock_guard lock(mutex_);
  for (CheckpointKind kind : kAllCheckpointKinds) {
    std::string path = path_of(directory_, kind);
    if (!files_.exists(path)) continue;
    auto offsets = read_offset_checkpoint(files_, path);
    if (offsets) {
      of(kind) = std::move(*offsets);
    } else {
      log::warn("starting without a checkpoint: {}", offsets.error().message);
    }
  }
}

bool Checkpoints::exists(CheckpointKind kind) const {
  std::lock_guard lock(mutex_);
  return of(kind).has_value();
}

std::optional<Offset> Checkpoints::find(CheckpointKind kind, const TopicPartition& partition) const {
  std::lock_guard lock(mutex_);
  const Entries& entries = of(kind);
  if (!entries) return std::nullopt;
  auto found = entries->find(partition);
  return found == entries->end() ? std::nullopt : std::optional(found->second);
}

uint64_t Checkpoints::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

Result<void> Checkpoints::replace(CheckpointKind kind, OffsetCheckpoint offsets, uint64_t generation) {
  std::lock_guard lock(mutex_);
  for (const auto& [partition, forgotten_in] : forgotten_) {
    if (forgotten_in > generation) offsets.erase(partition);
  }
  std::erase_if(forgotten_, [generation](const auto& forgotten) { return forgotten.second <= generation; });
  return write(kind, std::move(offsets));
}

Result<void> Checkpoints::set(CheckpointKind kind, const TopicPartition& partition, Offset offset) {
  std::lock_guard lock(mutex_);
  OffsetCheckpoint offsets = of(kind).value_or(OffsetCheckpoint());
  offsets[partition] = offset;
  return write(kind, std::move(offsets));
}

Result<void> Checkpoints::forget(const std::vector<TopicPartition>& partitions) {
  std::lock_guard lock(mutex_);
  ++generation_;
  for (const auto& partition : partitions) forgotten_[partition] = generation_;
  for (CheckpointKind kind : kAllCheckpointKinds) {
    if (!of(kind)) continue;
    auto is_told_of = [&](const TopicPartition& partition) { return of(kind)->contains(partition); };
    if (std::none_of(partitions.begin(), partitions.end(), is_told_of)) continue;
    OffsetCheckpoint offsets = *of(kind);
    for (const auto& partition : partitions) offsets.erase(partition);
    if (auto written = write(kind, std::move(offsets)); !written) return written;
  }
  return {};
}

Result<void> Checkpoints::write(CheckpointKind kind, OffsetCheckpoint offsets) {
  if (of(kind) == offsets) return {};
  auto written = write_offset_checkpoint(files_, path_of(directory_, kind), offsets);
  if (!written) return storage_error(written.error());
  of(kind) = std::move(offsets);
  return {};
}

}  // namespace gregor
