#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/checkpoint_file.h"

namespace gregor {

enum class CheckpointKind { recovery_point, log_start, high_watermark };
inline constexpr size_t kCheckpointKinds = 3;
inline constexpr std::array<CheckpointKind, kCheckpointKinds> kAllCheckpointKinds = {
    CheckpointKind::recovery_point, CheckpointKind::log_start, CheckpointKind::high_watermark};

/// One log directory's checkpoints of all kinds, as they are collected to be written.
struct CollectedCheckpoints {
  std::array<OffsetCheckpoint, kCheckpointKinds> offsets;
  uint64_t generation = 0;  ///< of Checkpoints, from before the first offset was collected

  OffsetCheckpoint& of(CheckpointKind kind) { return offsets[static_cast<size_t>(kind)]; }
};

/// The checkpoints of one log directory, in its files and in memory.
///
/// Owned by its LogDirectory. From any thread; what writes blocks, and is durable. Errors: kafka_storage_error.
class Checkpoints {
 public:
  Checkpoints(FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// Reads the files; one that makes no sense counts as missing: the logs are then recovered from their beginning.
  void load();
  /// Whether there is a file of this kind, or was written.
  bool exists(CheckpointKind kind) const;
  std::optional<Offset> find(CheckpointKind kind, const TopicPartition& partition) const;

  /// Counts what was forgotten so far.
  uint64_t generation() const;
  /// Replaces one kind where it differs. `generation` is that of before the offsets were collected: what was
  /// forgotten since is left out, since it speaks of logs that are gone.
  Result<void> replace(CheckpointKind kind, OffsetCheckpoint offsets, uint64_t generation);
  /// The same with offsets that were collected while nothing was forgotten.
  Result<void> replace(CheckpointKind kind, OffsetCheckpoint offsets) {
    return replace(kind, std::move(offsets), generation());
  }
  /// Sets the entry of one partition.
  Result<void> set(CheckpointKind kind, const TopicPartition& partition, Offset offset);
  /// Takes out `partitions`, whose logs are about to be made: what is said of them is about logs of the same names
  /// that were deleted, and would be taken for the new ones' after a crash. Quick where nothing is said.
  Result<void> forget(const std::vector<TopicPartition>& partitions);

 private:
  using Entries = std::optional<OffsetCheckpoint>;

  Entries& of(CheckpointKind kind) { return entries_[static_cast<size_t>(kind)]; }
  const Entries& of(CheckpointKind kind) const { return entries_[static_cast<size_t>(kind)]; }
  Result<void> write(CheckpointKind kind, OffsetCheckpoint offsets);

  FileSystem& files_;
  const std::string& directory_;
  mutable std::mutex mutex_;
  std::array<Entries, kCheckpointKinds> entries_;  ///< as they lie on the disk; none: there is no file
  uint64_t generation_ = 0;
  std::map<TopicPartition, uint64_t> forgotten_;  ///< in which generation, until nothing older can be written
};

}  // namespace gregor
