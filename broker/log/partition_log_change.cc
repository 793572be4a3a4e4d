// What PartitionLog does besides appends and reads: truncation, removal, flushing, closing.
#include <fmt/format.h>

#include <algorithm>

#include "broker/log/directory_health.h"
#include "broker/log/partition_log.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {

namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Result<void> FlushJob::run() {
  for (const auto& file : to_sync) {
    if (auto synced = file->sync(); !synced) return storage_error(synced.error());
  }
  for (const auto& directory : directories_to_sync) {
    auto synced = files->sync_directory(directory);
    if (synced) continue;
    may_be_repeated = disk_fault(synced.error()) == DiskFault::passing;
    return storage_error(synced.error());
  }
  return {};
}

Result<void> PartitionLog::truncate_to(Offset end) {
  if (auto usable = ensure_usable(); !usable) return usable;
  if (end < segments_.front()->base_offset()) return truncate_fully_and_start_at(end);
  if (end < log_end_offset_) {
    auto cut_batch = segments_[segment_for(end)]->find(end);
    if (!cut_batch) return storage_error(cut_batch.error());
    log::info("truncating partition={} to={} end={}", name_.to_string(), end.value, log_end_offset_.value);
    log_end_offset_ = *cut_batch ? std::min(end, (*cut_batch)->base_offset) : end;
    unfinished_cut_ = Cut{end};
  }
  epochs_.truncate_from_end(end);
  return unfinished_cut_ ? finish_cut() : save_epochs();
}

/// Every step may be taken again, until all of them were.
Result<void> PartitionLog::finish_cut() {
  if (unfinished_cut_->is_everything) return finish_restart();
  Offset end = unfinished_cut_->end;
  auto removed = remove_segments(segment_for(end) + 1, segments_.size());
  if (!removed) return fail(removed.error());
  if (auto activated = active().truncate_to(end); !activated) return fail(activated.error());
  ++truncations_;
  is_cut_unsynced_ = directory_changed_ = true;
  changed_from_ = std::min(changed_from_, active().base_offset());
  recovery_point_ = std::min(recovery_point_, log_end_offset_);
  log_start_offset_ = std::min(log_start_offset_, log_end_offset_);
  if (auto cut = producers_.truncate(segments_, producers_now()); !cut) return fail(cut.error());
  unfinished_cut_.reset();
  return save_epochs();
}

Result<void> PartitionLog::truncate_fully_and_start_at(Offset start) {
  if (failure_) return *failure_;
  // A copy that is about to be made is empty still, and nothing worth a word happens to it.
  if (log_end_offset_ > log_start_offset_) {
    log::info("removed all records, the log goes on at another offset partition={} removed=[{},{}) offset={}",
              name_.to_string(), log_start_offset_.value, log_end_offset_.value, start.value);
  }
  log_start_offset_ = log_end_offset_ = start;
  ++truncations_;
  recovery_point_ = std::min(recovery_point_, start);
  epochs_.clear();
  unfinished_cut_ = Cut{start, true};
  return finish_restart();
}

Result<void> PartitionLog::finish_restart() {
  if (auto removed = remove_segments(0, segments_.size()); !removed) return fail(removed.error());
  // A log always has a segment; the first append makes the files where they can't be made now.
  segments_.push_back(std::make_unique<Segment>(files_, directory_, config_, log_end_offset_, clock_.wall_ms()));
  auto made = active().create_files();
  if (!made && !may_pass(made.error())) return fail(made.error());
  directory_changed_ = true;
  if (auto emptied = producers_.truncate_fully(log_end_offset_); !emptied) return fail(emptied.error());
  unfinished_cut_.reset();
  return save_epochs();
}

Result<bool> PartitionLog::advance_log_start_offset(Offset start) {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  if (start > log_end_offset_) {
    return Error{ErrorCode::offset_out_of_range,
                 fmt::format("{} cannot start at {}, behind its end {}", name_.to_string(), start.value,
                             log_end_offset_.value)};
  }
  if (start <= log_start_offset_) return false;
  log_start_offset_ = start;
  epochs_.truncate_from_start(start);
  producers_.on_log_start(start);
  if (start == log_end_offset_ && active().size() > 0) {
    if (auto rolled = roll_at(start); !rolled) return fail(rolled.error());
  }
  size_t unneeded = 0;
  while (unneeded + 1 < segments_.size() && segments_[unneeded + 1]->base_offset() <= start) ++unneeded;
  if (auto removed = remove_segments(0, unneeded); !removed) return fail(removed.error());
  if (auto saved = save_epochs(); !saved) return saved.error();
  return true;
}

Result<void> PartitionLog::remove_segments(size_t first, size_t last) {
  if (first == last) return {};
  // What is left if this is interrupted has no hole.
  bool is_end = last == segments_.size();
  for (size_t count = 0; count < last - first; ++count) {
    size_t i = is_end ? last - 1 - count : first + count;
    for (auto suffix : {file_suffix::kLog, file_suffix::kOffsetIndex, file_suffix::kTimeIndex,
                        file_suffix::kTransactionIndex, file_suffix::kSnapshot}) {
      std::string path = segments_[i]->path(suffix);
      if (!files_.exists(path)) continue;
      std::string deleted = path + std::string(file_suffix::kDeleted);
      if (auto renamed = files_.rename(path, deleted); !renamed) return renamed;
      deleted_files_.push_back(std::move(deleted));
    }
    producers_.forget_segment(segments_[i]->base_offset());
  }
  auto begin = segments_.begin();
  segments_.erase(begin + static_cast<ptrdiff_t>(first), begin + static_cast<ptrdiff_t>(last));
  directory_changed_ = true;
  // Or they could be back after a loss of power, behind what is going to be appended.
  if (!is_end) return {};
  auto synced = files_.sync_directory(directory_);
  if (synced || !may_pass(synced.error())) return synced;
  is_cut_unsynced_ = true;  // at the next roll, then
  return {};
}

Result<void> PartitionLog::add_files_of(Segment& segment, FlushJob& job) {
  auto to_sync = segment.prepare_flush();
  if (!to_sync) return to_sync.error();
  job.to_sync.insert(job.to_sync.end(), to_sync->begin(), to_sync->end());
  auto aborted = producers_.aborted().open_to_sync(segment.base_offset());
  if (!aborted) return aborted.error();
  if (*aborted) job.to_sync.push_back(*aborted);
  return {};
}

Result<void> PartitionLog::add_unsynced_epochs(FlushJob& job) {
  if (!epochs_unsynced_) return {};
  directory_changed_ = true;
  if (!files_.exists(epochs_.path())) return {};
  auto file = files_.open(epochs_.path(), OpenMode::read_write);
  if (!file) return file.error();
  job.to_sync.push_back(*file);
  return {};
}

Result<FlushJob> PartitionLog::prepare_flush() {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  if (auto saved = save_epochs(); !saved) return saved.error();
  FlushJob job;
  job.up_to = log_end_offset_;
  job.log_id = id_;
  job.truncations = truncations_;
  job.files = &files_;
  Offset first_changed = std::min(recovery_point_, changed_from_);
  job.from = first_changed;
  if (first_changed < log_end_offset_ || changed_from_.value != INT64_MAX) {
    for (size_t i = segment_for(first_changed); i < segments_.size(); ++i) {
      if (auto added = add_files_of(*segments_[i], job); !added) return fail(added.error());
    }
  }
  if (auto added = add_unsynced_epochs(job); !added) return fail(added.error());
  auto snapshots = producers_.open_unsynced();
  if (!snapshots) return fail(snapshots.error());
  job.to_sync.insert(job.to_sync.end(), snapshots->begin(), snapshots->end());
  if (producers_.take_directory_change()) directory_changed_ = true;
  if (directory_changed_) job.directories_to_sync.push_back(directory_);
  if (is_directory_new_) job.directories_to_sync.push_back(parent_of(directory_));
  epochs_unsynced_ = directory_changed_ = is_directory_new_ = false;
  changed_from_ = Offset(INT64_MAX);
  return job;
}

void PartitionLog::mark_flushed(const FlushJob& job) {
  // Another log may have taken the place of the one that was synced, and what a truncation cut may have been
  // written anew since.
  if (job.log_id != id_ || job.truncations != truncations_) return;
  recovery_point_ = std::max(recovery_point_, job.up_to);
  vouched_for_ = std::max(vouched_for_, recovery_point_);
  is_cut_unsynced_ = false;
}

void PartitionLog::mark_unflushed(const FlushJob& job) {
  if (job.log_id != id_) return;
  epochs_unsynced_ = directory_changed_ = is_directory_new_ = true;
  changed_from_ = std::min(changed_from_, job.from);
}

Result<void> PartitionLog::close() {
  auto has_more = begin_close();
  if (!has_more) return has_more.error();
  return *has_more ? sync_to_close() : Result<void>();
}

Result<bool> PartitionLog::begin_close() {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  if (recovery_point_ < log_end_offset_ || active().size() > 0) {
    if (auto closed = active().deactivate(); !closed) return fail(closed.error());
    changed_from_ = std::min(changed_from_, active().base_offset());
  }
  if (auto saved = save_epochs(); !saved) return saved.error();
  if (epochs_.is_changed()) return storage_error({{}, "no room for " + epochs_.path()});
  if (auto closed = producers_.close(log_end_offset_); !closed) return fail(closed.error());
  // Thousands of partitions never had a record: nothing of them is missed should the power go.
  bool is_untouched = !directory_changed_ && changed_from_.value == INT64_MAX;
  return has_records() || !is_untouched;
}

Result<void> PartitionLog::sync_to_close() {
  is_directory_new_ = false;  // the log directory is synced once, for all that are closed
  auto job = prepare_flush();
  if (!job) return job.error();
  auto flushed = job->run();
  if (!flushed) return job->may_be_repeated ? flushed.error() : fail(flushed.error());
  mark_flushed(*job);
  return {};
}

void PartitionLog::end_close() {
  recovery_point_ = log_end_offset_;
  vouched_for_ = std::max(vouched_for_, recovery_point_);
  is_cut_unsynced_ = epochs_unsynced_ = directory_changed_ = is_directory_new_ = false;
  changed_from_ = Offset(INT64_MAX);
}

Result<void> PartitionLog::rename_directory(const std::string& directory) {
  if (auto renamed = files_.rename(directory_, directory); !renamed) return fail(renamed.error());
  directory_ = directory;
  is_directory_new_ = true;
  return {};
}

Result<void> PartitionLog::retire(const std::string& directory) {
  if (auto renamed = rename_directory(directory); !renamed) return renamed;
  failure_ = Error{ErrorCode::kafka_storage_error, name_.to_string() + " is being deleted"};
  return {};
}

}  // namespace gregor
