#include "broker/log/partition_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "broker/log/directory_health.h"
#include "broker/log/partition_metadata_file.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {

uint64_t PartitionLog::next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(FileSystem& files, const Clock& clock,
                                                         std::string directory, TopicPartition name,
                                                         LogConfig config, OpenOptions options) {
  std::unique_ptr<PartitionLog> partition_log(
      new PartitionLog(files, clock, std::move(directory), std::move(name), config));
  if (auto loaded = partition_log->load(options); !loaded) return storage_error(loaded.error());
  return partition_log;
}

Result<void> PartitionLog::load(const OpenOptions& options) {
  log_start_offset_ = options.log_start_offset;
  if (!files_.exists(directory_)) {
    if (auto made = files_.create_directories(directory_); !made) return made;
    is_directory_new_ = true;
    log_end_offset_ = recovery_point_ = log_start_offset_;
    // Most partitions of a new topic stay empty for a while: their files are made by the first append.
    segments_.push_back(
        std::make_unique<Segment>(files_, directory_, config_, log_start_offset_, clock_.wall_ms()));
    return {};
  }
  OpenOptions adjusted = options;
  if (auto loaded = epochs_.load(); !loaded) {
    log::warn("reading the whole log, because of a damaged file: {}", loaded.error().message);
    adjusted.reads_everything = true;
  }
  auto topic_id = read_partition_metadata(files_, directory_);
  if (topic_id) {
    topic_id_ = *topic_id;
  } else if (topic_id.error().is(ErrorCode::kafka_storage_error)) {
    log::warn("the controller will tell the topic id again, because of a damaged file: {}",
              topic_id.error().message);
  } else {
    return topic_id.error();
  }
  auto loaded = load_log({files_, directory_, config_, clock_.wall_ms()}, name_, adjusted, epochs_, producers_);
  if (!loaded) return loaded.error();
  segments_ = std::move(loaded->segments);
  log_end_offset_ = loaded->log_end_offset;
  recovery_point_ = loaded->recovery_point;
  vouched_for_ = std::max(options.recovery_point, recovery_point_);
  log_start_offset_ = std::max(log_start_offset_, segments_.front()->base_offset());
  // Whoever died may not have made durable what it made here, or cut off: that would be back at the log's end.
  bool is_doubtful = !options.clean_shutdown && (has_records() || active().has_files());
  directory_changed_ = epochs_unsynced_ = is_cut_unsynced_ = is_doubtful;
  if (is_doubtful) changed_from_ = active().base_offset();
  is_directory_new_ = !options.clean_shutdown;
  release_file();
  return {};
}

bool PartitionLog::has_records() const { return segments_.size() > 1 || segments_.front()->size() > 0; }

std::vector<Offset> PartitionLog::segment_base_offsets() const {
  std::vector<Offset> offsets;
  for (const auto& segment : segments_) offsets.push_back(segment->base_offset());
  return offsets;
}

uint64_t PartitionLog::size_bytes() const {
  uint64_t size = 0;
  for (const auto& segment : segments_) size += segment->size();
  return size;
}

Result<void> PartitionLog::set_topic_id(const Uuid& topic_id) {
  if (topic_id_ == topic_id) return {};
  if (auto written = write_partition_metadata(files_, directory_, topic_id); !written) {
    return storage_error(written.error());
  }
  topic_id_ = topic_id;
  return {};
}

Error PartitionLog::fail(const Error& error) {
  if (failure_) return *failure_;
  // What failed for want of room or descriptors is undone, or is done when there are some.
  if (may_pass(error)) return storage_error(error);
  failure_ = storage_error(error);
  files_.distrust(*failure_);
  return *failure_;
}

Result<void> PartitionLog::ensure_usable() {
  if (failure_) return *failure_;
  return unfinished_cut_ ? finish_cut() : Result<void>();
}

Result<AppendInfo> PartitionLog::append_as_leader(const ValidatedBatch& batch, LeaderEpoch epoch,
                                                  const AppendRules& rules) {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  if (batch.bytes.size() > config_.segment_size_bytes) {
    return Error{ErrorCode::record_list_too_large,
                 fmt::format("a batch of {} bytes does not fit into a segment of {} of {}", batch.bytes.size(),
                             config_.segment_size_bytes, name_.to_string())};
  }
  patch_base_offset(batch.bytes, log_end_offset_);
  patch_leader_epoch(batch.bytes, epoch);
  if (batch.view().producer_id() >= 0) {
    const ProducedBatch* first = nullptr;
    if (rules.origin == AppendOrigin::client) first = producers_.state().find_duplicate(batch.view());
    if (first != nullptr) return duplicate_info(*first);
    if (auto checked = producers_.state().check(batch.view(), rules, name_); !checked) return checked.error();
  }
  BatchRun run;
  run.add(batch.view());
  AppendInfo info;
  if (auto appended = append_run(run, info.wants_flush); !appended) return appended.error();
  info.first_offset = run.first_offset;
  info.last_offset = run.last_offset;
  info.log_append_time = batch.log_append_time;
  info.log_start_offset = log_start_offset_;
  info.size_bytes = run.bytes.size();
  return info;
}

Result<AppendInfo> PartitionLog::append_as_follower(Bytes batches) {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  AppendInfo info;
  info.first_offset = log_end_offset_;
  info.log_start_offset = log_start_offset_;
  BatchIterator iterator(batches);
  BatchRun run;
  Offset least_next = log_end_offset_;
  while (auto batch = iterator.next()) {
    if (!batch->is_intact()) {
      return Error{ErrorCode::corrupt_message, fmt::format("the batch at offset {} of {} has a wrong checksum",
                                                           batch->base_offset().value, name_.to_string())};
    }
    if (batch->base_offset() < least_next || batch->next_offset() <= batch->base_offset()) {
      bool is_first = run.bytes.empty() && info.size_bytes == 0;
      return Error{is_first ? ErrorCode::offset_out_of_range : ErrorCode::invalid_record,
                   fmt::format("offsets [{}, {}] of {} do not follow on {}", batch->base_offset().value,
                               batch->last_offset().value, name_.to_string(), least_next.value)};
    }
    bool fits = active().size() + run.bytes.size() + batch->size() <= config_.segment_size_bytes;
    if (!fits && !run.bytes.empty()) {
      if (auto appended = append_run(run, info.wants_flush); !appended) return appended.error();
      run = BatchRun();
    }
    if (info.size_bytes == 0) info.first_offset = batch->base_offset();
    run.add(*batch);
    info.size_bytes += batch->size();
    least_next = batch->next_offset();
  }
  if (!run.bytes.empty()) {
    if (auto appended = append_run(run, info.wants_flush); !appended) return appended.error();
  }
  info.last_offset = log_end_offset_ + (-1);
  return info;
}

Result<void> PartitionLog::append_run(const BatchRun& run, bool& wants_flush) {
  auto should_roll = active().should_roll(run, clock_.wall_ms());
  if (!should_roll) return fail(should_roll.error());
  if (*should_roll) {
    auto base_offset = roll_offset(run.first_offset, run.last_offset);
    if (!base_offset) return fail(base_offset.error());
    if (auto moved = roll_at(*base_offset); !moved) return fail(moved.error());
    wants_flush = true;
  }
  // Or the roll would have to sync.
  if (is_cut_unsynced_) wants_flush = true;
  if (active().size() == 0) directory_changed_ = true;
  if (auto appended = active().append(run); !appended) return fail(appended.error());
  log_end_offset_ = run.last_offset + 1;

  BatchIterator batches(run.bytes);
  while (auto batch = batches.next()) {
    bool has_epoch = batch->leader_epoch().value >= 0;  // a leader's word, which no checksum covers
    if (has_epoch) epochs_.assign(batch->leader_epoch(), batch->base_offset());
    if (auto noted = producers_.note(*batch, active().base_offset()); !noted) return fail(noted.error());
  }
  return save_epochs();
}

Result<void> PartitionLog::save_epochs() {
  if (!epochs_.is_changed()) return {};
  if (auto saved = epochs_.save(); !saved) {
    // Saved with the next change, or found in the batches again.
    if (may_pass(saved.error())) return {};
    return fail(saved.error());
  }
  epochs_unsynced_ = true;
  return {};
}

Result<void> PartitionLog::roll() {
  if (auto usable = ensure_usable(); !usable) return usable;
  auto base_offset = roll_offset(log_end_offset_, log_end_offset_);
  if (!base_offset) return fail(base_offset.error());
  if (auto rolled = roll_at(*base_offset); !rolled) return fail(rolled.error());
  return {};
}

/// Behind the last batch, be it that offsets are missing there: recovery takes a segment that does not begin where
/// the one before it ends for the remains of a loss of power.
Result<Offset> PartitionLog::roll_offset(Offset first, Offset last) {
  auto end = active().read_next_offset();
  bool is_damaged = !end && end.error().is(ErrorCode::corrupt_message);
  if (!end) return is_damaged ? Result<Offset>(first) : end;
  bool does_fit = last - *end <= INT32_MAX;
  return does_fit ? *end : first;
}

Result<void> PartitionLog::roll_at(Offset base_offset) {
  if (active().size() == 0 && active().base_offset() == base_offset) return {};
  if (auto closed = active().deactivate(); !closed) return closed;
  // The active segment is read again after a crash in any case; the others are not, should a checkpoint vouch for
  // them that is older than a truncation. And between files nothing else keeps what was cut off from coming back.
  bool must_be_durable = is_cut_unsynced_ || base_offset <= vouched_for_;
  if (must_be_durable) {
    if (auto synced = sync_active(); !synced) return synced;
  }
  changed_from_ = std::min(changed_from_, active().base_offset());
  log::info("rolled a new segment partition={} base_offset={}", name_.to_string(), base_offset.value);
  if (auto added = add_segment(base_offset); !added) {
    // A file that is removed again could be back, and the segment before it pass for a closed one.
    if (must_be_durable) (void)files_.sync_directory(directory_);
    return added;
  }
  return producers_.take_snapshot(base_offset);
}

Result<void> PartitionLog::sync_active() {
  if (auto saved = save_epochs(); !saved) return saved;
  FlushJob job;
  if (auto added = add_files_of(active(), job); !added) return added;
  epochs_unsynced_ = true;
  if (auto added = add_unsynced_epochs(job); !added) return added;
  for (const auto& file : job.to_sync) {
    if (auto synced = file->sync(); !synced) return synced;
  }
  if (auto synced = files_.sync_directory(directory_); !synced) return synced;
  is_cut_unsynced_ = false;
  return {};
}

Result<void> PartitionLog::add_segment(Offset base_offset) {
  auto segment = std::make_unique<Segment>(files_, directory_, config_, base_offset, clock_.wall_ms());
  if (auto made = segment->create_files(); !made) return made;
  directory_changed_ = true;
  segments_.push_back(std::move(segment));
  return {};
}

size_t PartitionLog::segment_for(Offset offset) const {
  auto later = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                [](Offset wanted, const auto& segment) { return wanted < segment->base_offset(); });
  return later == segments_.begin() ? 0 : static_cast<size_t>(later - segments_.begin()) - 1;
}

Result<uint64_t> PartitionLog::end_position(size_t segment, Offset end) {
  bool is_last = segment + 1 == segments_.size();
  Offset segment_end = is_last ? log_end_offset_ : segments_[segment + 1]->base_offset();
  if (segment_end <= end) return segments_[segment]->size();
  return segments_[segment]->position_of(end);
}

namespace {

/// What can't be read because of its own bytes says nothing about the rest of the log.
Error read_error(const Error& error) { return error.is(ErrorCode::corrupt_message) ? error : storage_error(error); }

}  // namespace

Result<LogRead> PartitionLog::read(Offset from, Offset end, uint64_t max_bytes, bool at_least_one_batch) {
  if (from < log_start_offset_ || from > log_end_offset_) {
    return Error{ErrorCode::offset_out_of_range,
                 fmt::format("offset {} is outside [{}, {}] of {}", from.value, log_start_offset_.value,
                             log_end_offset_.value, name_.to_string())};
  }
  if (unfinished_cut_) {
    if (auto usable = ensure_usable(); !usable) return usable.error();
  }
  LogRead result;
  end = std::min(end, log_end_offset_);
  for (size_t i = segment_for(from); from < end && i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    if (segment.base_offset() >= end) break;
    auto first = segment.find(from);
    if (!first) return read_error(first.error());
    if (!*first) continue;  // what `from` belonged to is gone; the next segment begins behind it
    auto limit = end_position(i, end);
    if (!limit) return storage_error(limit.error());
    const BatchPlace& place = **first;
    if (place.position >= *limit) break;
    result.is_first_batch_cut = !at_least_one_batch && max_bytes < place.size;
    uint64_t wanted = at_least_one_batch ? std::max(max_bytes, place.size) : max_bytes;
    result.size_bytes = std::min(wanted, *limit - place.position);
    if (result.size_bytes == 0) break;
    auto slice = segment.slice(place.position, result.size_bytes);
    if (!slice) return storage_error(slice.error());
    result.slices.push_back(std::move(*slice));
    result.segment_base_offset = segment.base_offset();
    break;
  }
  return result;
}

Result<std::vector<TimeMark>> PartitionLog::time_marks() {
  std::vector<TimeMark> marks;
  for (const auto& segment : segments_) {
    auto changed = segment->modified_ms();
    if (!changed) return storage_error(changed.error());
    marks.push_back({std::max(segment->base_offset(), log_start_offset_), *changed});
  }
  if (active().size() > 0) marks.push_back({log_end_offset_, clock_.wall_ms()});
  return marks;
}

}  // namespace gregor
