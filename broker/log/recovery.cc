#include "broker/log/recovery.h"

#include <algorithm>

#include "broker/log/segment_listing.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

/// What a pass over the batches of a segment found.
struct Recovered {
  bool is_whole = false;  ///< there was nothing but sound batches
  Offset end;             ///< behind the last of them
};

/// How a segment is read in full.
struct RecoveryPass {
  bool is_durable = false;  ///< as in Segment::begin_rebuild
  /// Possible only where everything up to the log's end is read: the batches of one segment say nothing of those
  /// that come later.
  bool teaches_epochs = false;
};

class Loader {
 public:
  Loader(const LogPlace& place, const TopicPartition& name, const OpenOptions& options, LeaderEpochCache& epochs,
         LogProducers& producers)
      : place_(place), name_(name), options_(options), epochs_(epochs), producers_(producers) {}

  Result<LoadedLog> load();

 private:
  Result<void> load_segments(const SegmentListing& listing);
  Result<bool> has_sound_indexes(size_t index);
  bool must_recover() const { return !options_.clean_shutdown || options_.reads_everything; }
  bool is_below_recovery_point(size_t index) const;
  Offset durable_end() const;
  Result<void> rebuild_unsound_indexes();
  Result<void> recover_from_recovery_point();
  Result<Recovered> recover_segment(size_t index, RecoveryPass pass);
  void learn_epoch(const BatchView& batch);
  Result<void> end_aborted(size_t index, bool is_durable);
  bool is_followed_on(size_t index, Offset end) const;
  Result<void> find_older_epochs();
  Result<bool> find_older_epochs_in(Segment& segment, Offset end, std::vector<EpochStart>& older);
  Result<void> begin_producers(size_t index);
  Result<void> finish_producers();
  ProducerRebuild producers_up_to(Offset end) const;
  Result<void> drop_segments_from(size_t first);
  Result<void> ensure_active_segment();

  const LogPlace& place_;
  const TopicPartition& name_;
  const OpenOptions& options_;
  LeaderEpochCache& epochs_;
  LogProducers& producers_;
  Offset read_end_;                    ///< of the last segment that was read in full
  size_t producers_reach_ = SIZE_MAX;  ///< the state is that before this segment; SIZE_MAX: not known
  LoadedLog log_;
  /// What is known of each of the segments found.
  struct Known {
    bool can_be_sound = false;  ///< as far as the listing tells
    std::optional<Offset> end;  ///< behind its last batch, once it was looked for
  };
  std::vector<Known> known_;
};

Result<LoadedLog> Loader::load() {
  SegmentListing listing(place_.files, place_.directory);
  if (auto listed = listing.load(); !listed) return listed.error();
  if (auto loaded = load_segments(listing); !loaded) return loaded.error();
  if (auto rebuilt = rebuild_unsound_indexes(); !rebuilt) return rebuilt.error();
  if (must_recover()) {
    if (auto recovered = recover_from_recovery_point(); !recovered) return recovered.error();
  }
  if (auto ensured = ensure_active_segment(); !ensured) return ensured.error();
  log_.recovery_point = options_.clean_shutdown ? log_.log_end_offset : durable_end();
  epochs_.truncate_from_end(log_.log_end_offset);
  epochs_.truncate_from_start(options_.log_start_offset);
  if (must_recover()) {
    if (auto found = find_older_epochs(); !found) return found.error();
  }
  if (auto finished = finish_producers(); !finished) return finished.error();
  return std::move(log_);
}

Result<void> Loader::load_segments(const SegmentListing& listing) {
  for (const auto& [file_name, file] : listing.found()) {
    Offset base_offset = file.name.base_offset;
    if (file.name.is_in_use(file_suffix::kSnapshot)) producers_.snapshots().adopt(base_offset);
    if (!file.name.is_in_use(file_suffix::kLog)) continue;
    auto segment =
        std::make_unique<Segment>(place_.files, place_.directory, place_.config, base_offset, place_.now_ms);
    segment->adopt(file.size, listing.size_of(base_offset, file_suffix::kOffsetIndex),
                   listing.size_of(base_offset, file_suffix::kTimeIndex));
    Result<bool> are_aborted_sound = true;
    auto aborted = listing.size_of(base_offset, file_suffix::kTransactionIndex);
    if (aborted) are_aborted_sound = producers_.aborted().adopt(base_offset, *aborted);
    if (!are_aborted_sound) return are_aborted_sound.error();
    bool has_stray_aborted = file.size == 0 && aborted.value_or(0) > 0;
    known_.push_back({*are_aborted_sound && !has_stray_aborted, std::nullopt});
    log_.segments.push_back(std::move(segment));
  }
  return {};
}

Result<bool> Loader::has_sound_indexes(size_t index) {
  return known_[index].can_be_sound ? log_.segments[index]->has_sound_indexes() : Result<bool>(false);
}

bool Loader::is_below_recovery_point(size_t index) const {
  const auto& segments = log_.segments;
  return index + 1 < segments.size() && segments[index + 1]->base_offset() <= options_.recovery_point;
}

/// Below which the disk surely has everything. The log may have been cut since the checkpoint was written, and have
/// grown anew: then it is true only of the segments that lie entirely below.
Offset Loader::durable_end() const {
  size_t first_unsure = 0;
  while (is_below_recovery_point(first_unsure)) ++first_unsure;
  return std::min(options_.recovery_point, log_.segments[first_unsure]->base_offset());
}

/// Of the segments that are not going to be read in full anyway. Nor will they be at the next start, so that the
/// disk has to have what is made here. The last one is when its end can't be found, for records would be appended
/// behind the damage otherwise.
Result<void> Loader::rebuild_unsound_indexes() {
  for (size_t i = 0; i < log_.segments.size(); ++i) {
    bool is_recovered_later = options_.reads_everything || (must_recover() && !is_below_recovery_point(i));
    if (is_recovered_later) continue;
    Segment& segment = *log_.segments[i];
    auto is_sound = has_sound_indexes(i);
    if (!is_sound) return is_sound.error();
    if (*is_sound) {
      bool is_last = i + 1 == log_.segments.size();
      auto end = is_last ? segment.read_next_offset() : Result<Offset>(log_.segments[i + 1]->base_offset());
      bool is_damaged = !end && end.error().is(ErrorCode::corrupt_message);
      if (!end && !is_damaged) return end.error();
      if (is_last && end) known_[i].end = *end;
      auto fits = is_damaged ? Result<bool>(false) : segment.time_index_ends_before(*end);
      if (!fits) return fits.error();
      if (*fits) continue;
    }
    log::warn("reading a segment in full, to rebuild its indexes file={}", segment.path(file_suffix::kLog));
    if (auto rebuilt = recover_segment(i, {.is_durable = true}); !rebuilt) return rebuilt.error();
  }
  return {};
}

/// The checkpoint may know of an epoch whose records were lost, while older ones came back: what it knows beyond
/// gives way, and is found again in the batches that follow.
void Loader::learn_epoch(const BatchView& batch) {
  bool has_epoch = batch.leader_epoch().value >= 0;  // no checksum covers it
  if (!has_epoch || batch.last_offset() < options_.log_start_offset) return;
  Offset begin = std::max(batch.base_offset(), options_.log_start_offset);
  if (epochs_.epoch_of(begin) != batch.leader_epoch()) epochs_.assign(batch.leader_epoch(), begin);
}

/// Rebuilds the indexes from the batches and cuts what is not sound behind them.
Result<Recovered> Loader::recover_segment(size_t index, RecoveryPass pass) {
  Segment& segment = *log_.segments[index];
  if (auto begun = segment.begin_rebuild(pass.is_durable); !begun) return begun.error();
  if (auto begun = begin_producers(index); !begun) return begun.error();
  auto scanner = segment.scan(0, BatchScanner::Depth::whole);
  if (!scanner) return scanner.error();
  Offset least_next = segment.base_offset();
  uint64_t valid_size = 0;
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found) break;
    const BatchView& batch = (*found)->batch;
    bool is_in_order = batch.next_offset() > batch.base_offset() && batch.base_offset() >= least_next &&
                       batch.last_offset() - segment.base_offset() <= INT32_MAX;
    if (!is_in_order || !batch.is_intact()) break;
    if (auto noted = segment.note_batch(batch, (*found)->position); !noted) return noted.error();
    if (auto noted = producers_.note(batch, segment.base_offset()); !noted) return noted.error();
    if (pass.teaches_epochs) learn_epoch(batch);
    least_next = batch.next_offset();
    valid_size = scanner->position();
  }
  bool is_whole = valid_size == segment.size();
  if (!is_whole) {
    log::warn("cut a segment behind its last sound batch file={} size={} kept={} next_offset={}",
              segment.path(file_suffix::kLog), segment.size(), valid_size, least_next.value);
  }
  if (auto ended = end_aborted(index, pass.is_durable); !ended) return ended.error();
  if (auto ended = segment.end_rebuild(valid_size); !ended) return ended.error();
  read_end_ = least_next;
  known_[index].end = least_next;
  producers_reach_ = index + 1;
  bool is_last = index + 1 == log_.segments.size();
  auto taken = is_last ? producers_.take_last_snapshot(least_next) : producers_.take_snapshot(least_next);
  if (!taken) return taken.error();
  return Recovered{is_whole, least_next};
}

Result<void> Loader::end_aborted(size_t index, bool is_durable) {
  if (auto ended = producers_.aborted().end_rebuild(); !ended || !is_durable) return ended;
  auto file = producers_.aborted().open_to_sync(log_.segments[index]->base_offset());
  if (!file) return file.error();
  return *file ? (*file)->sync() : Result<void>();
}

/// Whether the segment behind this one can be its continuation. Files reach the disk in any order: the end of one
/// may be lost, or what was cut off it be back, while the next is there.
bool Loader::is_followed_on(size_t index, Offset end) const {
  if (index + 1 == log_.segments.size()) return true;
  Offset next = log_.segments[index + 1]->base_offset();
  if (next <= options_.recovery_point || !options_.knows_recovery_point) return true;
  return next == end || (next > end && place_.config.is_compacted);
}

Result<void> Loader::recover_from_recovery_point() {
  auto& segments = log_.segments;
  // A later segment that an ended process removed must stay away: were it back after a loss of power, the one that
  // is last now would lie below the recovery point and not be read again, whatever had become of its indexes.
  bool may_miss_one = !segments.empty() && segments.back()->base_offset() < options_.recovery_point;
  if (may_miss_one && !options_.is_directory_durable) {
    if (auto synced = place_.files.sync_directory(place_.directory); !synced) return synced;
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    bool is_vouched_for = is_below_recovery_point(i);
    if (is_vouched_for && !options_.reads_everything) continue;
    if (segments[i]->base_offset() < read_end_) return drop_segments_from(i);
    auto is_empty = segments[i]->size() == 0 ? has_sound_indexes(i) : Result<bool>(false);
    if (!is_empty) return is_empty.error();
    auto recovered = *is_empty ? Result<Recovered>({true, segments[i]->base_offset()})
                               : recover_segment(i, {.is_durable = is_vouched_for, .teaches_epochs = true});
    if (!recovered) return recovered.error();
    if (!recovered->is_whole || !is_followed_on(i, recovered->end)) return drop_segments_from(i + 1);
  }
  return {};
}

/// Where the log's start was raised and the checkpoint does not know, records are back whose epochs are forgotten.
Result<void> Loader::find_older_epochs() {
  const auto& known = epochs_.entries();
  Offset end = known.empty() ? log_.log_end_offset : known.front().start_offset;
  if (log_.segments.front()->base_offset() >= end) return {};
  std::vector<EpochStart> older;
  for (const auto& segment : log_.segments) {
    auto has_more = find_older_epochs_in(*segment, end, older);
    if (!has_more) return has_more.error();
    if (!*has_more) break;
  }
  epochs_.assign_older(std::move(older));
  return {};
}

/// False when there are none behind this segment. Batches that an old Kafka wrote have no epoch.
Result<bool> Loader::find_older_epochs_in(Segment& segment, Offset end, std::vector<EpochStart>& older) {
  auto scanner = segment.scan(0, BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found) return true;
    const BatchView& batch = (*found)->batch;
    if (batch.base_offset() >= end || batch.leader_epoch().value < 0) return false;
    bool is_new = older.empty() || older.back().epoch < batch.leader_epoch();
    if (batch.last_offset() < options_.log_start_offset || !is_new) continue;
    older.push_back({batch.leader_epoch(), std::max(batch.base_offset(), options_.log_start_offset)});
  }
}

ProducerRebuild Loader::producers_up_to(Offset end) const {
  Offset first = log_.segments.empty() ? Offset(0) : log_.segments.front()->base_offset();
  return {std::max(options_.log_start_offset, first), end, place_.now_ms, place_.config.producer_expiration_ms,
          false};
}

/// The producers as of the beginning of the segment, whose batches are about to be read.
Result<void> Loader::begin_producers(size_t index) {
  Offset begin = log_.segments[index]->base_offset();
  producers_.aborted().begin_rebuild(begin);
  if (producers_reach_ == index) return {};
  if (auto rebuilt = producers_.rebuild({log_.segments.data(), index}, producers_up_to(begin)); !rebuilt) {
    return rebuilt;
  }
  return producers_.take_snapshot(begin);
}

Result<void> Loader::finish_producers() {
  std::vector<Offset> begins;
  for (const auto& segment : log_.segments) begins.push_back(segment->base_offset());
  if (auto removed = producers_.snapshots().remove_strays(begins); !removed) return removed;
  ProducerRebuild wanted = producers_up_to(log_.log_end_offset);
  bool is_known = producers_reach_ == log_.segments.size();
  if (is_known) {
    producers_.state().expire(wanted.now_ms, wanted.expiration_ms);
  } else {
    wanted.is_after_clean_stop = options_.clean_shutdown;
    if (auto rebuilt = producers_.rebuild(log_.segments, wanted); !rebuilt) return rebuilt;
  }
  if (auto taken = producers_.take_last_snapshot(wanted.end); !taken) return taken;
  return producers_.snapshots().remove_doubtful();
}

/// From the last on, so that an interruption leaves no hole.
Result<void> Loader::drop_segments_from(size_t first) {
  auto& segments = log_.segments;
  if (first >= segments.size()) return {};
  for (size_t i = segments.size(); i-- > first;) {
    log::warn("removed a segment behind the end of the log file={}", segments[i]->path(file_suffix::kLog));
    for (auto suffix : {file_suffix::kLog, file_suffix::kOffsetIndex, file_suffix::kTimeIndex,
                        file_suffix::kTransactionIndex, file_suffix::kSnapshot}) {
      std::string path = segments[i]->path(suffix);
      if (!place_.files.exists(path)) continue;
      if (auto removed = place_.files.remove(path); !removed) return removed;
    }
    producers_.forget_segment(segments[i]->base_offset());
  }
  segments.resize(first);
  // Or they could be back some day, behind what will have been appended.
  return place_.files.sync_directory(place_.directory);
}

Result<void> Loader::ensure_active_segment() {
  auto& segments = log_.segments;
  if (!segments.empty()) {
    const auto& known_end = known_[segments.size() - 1].end;
    auto end = known_end ? Result<Offset>(*known_end) : segments.back()->read_next_offset();
    if (!end) return end.error();
    log_.log_end_offset = *end;
    if (*end < options_.log_start_offset) {
      log::warn("removed all segments, which end before the log starts partition={} end={} start={}",
                name_.to_string(), end->value, options_.log_start_offset.value);
      if (auto dropped = drop_segments_from(0); !dropped) return dropped;
      epochs_.clear();
      producers_reach_ = SIZE_MAX;
    }
  }
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    if (auto closed = segments[i]->deactivate(); !closed) return closed;
  }
  if (!segments.empty()) return {};
  log_.log_end_offset = options_.log_start_offset;
  segments.push_back(std::make_unique<Segment>(place_.files, place_.directory, place_.config,
                                               options_.log_start_offset, place_.now_ms));
  return {};
}

}  // namespace

Result<LoadedLog> load_log(const LogPlace& place, const TopicPartition& name, const OpenOptions& options,
                           LeaderEpochCache& epochs, LogProducers& producers) {
  auto loaded = Loader(place, name, options, epochs, producers).load();
  if (!loaded) return storage_error(loaded.error());
  return loaded;
}

}  // namespace gregor
