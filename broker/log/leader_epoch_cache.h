#pragma once

#include <optional>
#include <vector>

#include "broker/log/log_files.h"
#include "broker/types/ids.h"

namespace gregor {

/// The offset at which a leader's first record was, or would have been, written.
struct EpochStart {
  LeaderEpoch epoch;
  Offset start_offset;
};

/// The last offset of an epoch, exclusive, and the epoch that really had it.
struct EpochEnd {
  LeaderEpoch epoch;
  Offset end_offset;
};

/// Which leader epoch begins at which offset: what replicas find their point of agreement by (KIP-101, KIP-279).
///
/// Epochs and offsets both rise from entry to entry. Changes go to `leader-epoch-checkpoint` by `save`, not before;
/// what is lost in between, recovery finds in the batches again.
class LeaderEpochCache {
 public:
  /// `directory` must outlive the cache.
  LeaderEpochCache(FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  /// Reads the checkpoint; a missing one is empty. Error: kafka_storage_error when it is malformed.
  Result<void> load();
  /// Writes the checkpoint, without waiting for the disk, if there was a change since it was last written.
  Result<void> save();
  /// Whether `save` has anything to do.
  bool is_changed() const { return is_changed_; }
  std::string path() const { return directory_ + "/leader-epoch-checkpoint"; }

  const std::vector<EpochStart>& entries() const { return entries_; }
  std::optional<LeaderEpoch> latest() const;
  /// Notes that `epoch` begins at `start_offset`, dropping entries that contradict it.
  void assign(LeaderEpoch epoch, Offset start_offset);
  /// Puts `older`, which ascend, before all that is known.
  void assign_older(std::vector<EpochStart> older);
  /// Where `epoch` ends: at `log_end_offset` for the latest, at the start of the next greater known epoch for the
  /// others. None when nothing is known of it (epoch and offset -1 on the wire).
  std::optional<EpochEnd> end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const;
  /// The epoch that the record at `offset` was written under.
  std::optional<LeaderEpoch> epoch_of(Offset offset) const;

  /// Drops the entries that begin at `end_offset` or later.
  void truncate_from_end(Offset end_offset);
  /// Lets the epoch that holds `start_offset` begin there and drops those before.
  void truncate_from_start(Offset start_offset);
  void clear();

 private:
  FileSystem& files_;
  const std::string& directory_;
  std::vector<EpochStart> entries_;
  bool is_changed_ = false;
};

}  // namespace gregor
