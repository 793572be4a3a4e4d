#include "broker/log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {

void BatchRun::add(const BatchView& batch) {
  if (bytes.empty()) {
    bytes = batch.bytes();
    first_offset = batch.base_offset();
  } else {
    bytes = {bytes.data(), bytes.size() + batch.size()};
  }
  last_offset = batch.last_offset();
  if (batch.max_timestamp() > max_timestamp.timestamp) max_timestamp = {batch.max_timestamp(), batch.last_offset()};
}

Segment::Segment(FileSystem& files, const std::string& directory, const LogConfig& config, Offset base_offset,
                 int64_t created_ms)
    : files_(files),
      directory_(directory),
      config_(config),
      base_offset_(base_offset),
      created_ms_(created_ms),
      roll_dice_(std::hash<std::string>()(path(file_suffix::kLog))),
      offset_index_(files, directory, base_offset),
      time_index_(files, directory, base_offset) {}

Result<void> Segment::create_files() {
  if (has_files_) return {};
  auto log = files_.open(path(file_suffix::kLog), OpenMode::create_new);
  if (!log) return log.error();
  Result<void> made = make_indexes();
  if (made && config_.preallocate) made = (*log)->allocate(config_.segment_size_bytes);
  if (!made) {
    (void)files_.remove(path(file_suffix::kLog));  // so that it can be made once there is room
    return made;
  }
  is_preallocated_ = config_.preallocate;
  has_files_ = true;
  return {};
}

Result<void> Segment::make_indexes() {
  if (auto made = offset_index_.file().reset(); !made) return made;
  return time_index_.reset();
}

void Segment::adopt(uint64_t log_size, std::optional<uint64_t> offset_index_size,
                    std::optional<uint64_t> time_index_size) {
  has_files_ = true;
  size_ = log_size;
  offset_index_.file().adopt(offset_index_size);
  time_index_.file().adopt(time_index_size);
}

Result<bool> Segment::has_sound_indexes() {
  if (!offset_index_.file().is_whole() || !time_index_.file().is_whole()) return false;
  uint64_t entries = offset_index_.file().entry_count();
  uint64_t times = time_index_.file().entry_count();
  if (size_ == 0) return entries == 0 && times == 0;
  auto last = offset_index_.last_entry();
  if (!last) return last.error();
  if (entries > 0 && (last->offset <= base_offset_ || last->position >= size_)) return false;
  if (times == 0) return entries == 0 ? Result<bool>(true) : has_no_times();
  auto last_time = time_index_.last_entry();
  if (!last_time) return last_time.error();
  auto first_time = times > 1 ? time_index_.first_entry() : last_time;
  if (!first_time) return first_time.error();
  bool does_time_rise = times == 1 || last_time->timestamp > first_time->timestamp;
  return does_time_rise && last_time->offset >= base_offset_;
}

/// Whether the time index may be empty: records without timestamps leave nothing for it to hold.
Result<bool> Segment::has_no_times() {
  auto first = read_first_timestamp();
  open_file_.reset();
  if (!first) return first.error();
  return !*first || **first < 0;
}

Result<std::optional<int64_t>> Segment::read_first_timestamp() {
  auto scanner = scan(0, BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  auto batch = scanner->next();
  if (!batch) return batch.error();
  return *batch ? std::optional((*batch)->batch.max_timestamp()) : std::nullopt;
}

Result<bool> Segment::time_index_ends_before(Offset end) {
  auto last = time_index_.last_entry();
  if (!last) return last.error();
  return time_index_.file().entry_count() == 0 || last->offset < end;
}

Result<std::shared_ptr<File>> Segment::file() {
  if (open_file_) return open_file_;
  if (auto lent = lent_file_.lock()) return lent;
  auto opened = files_.open(path(file_suffix::kLog), OpenMode::read_write);
  if (!opened) return opened;
  if (is_active_) open_file_ = *opened;
  lent_file_ = *opened;
  return opened;
}

Result<int64_t> Segment::age_at(int64_t now_ms, int64_t message_timestamp) {
  if (!first_timestamp_ && size_ > 0) {
    auto first = read_first_timestamp();
    if (!first) return first.error();
    first_timestamp_ = *first;
  }
  if (first_timestamp_ && *first_timestamp_ >= 0) return message_timestamp - *first_timestamp_;
  return now_ms - created_ms_;
}

int64_t Segment::roll_jitter_ms() const {
  int64_t most = std::min(config_.segment_jitter_ms, config_.segment_ms);
  return most <= 0 ? 0 : static_cast<int64_t>(roll_dice_ % static_cast<uint64_t>(most));
}

Result<bool> Segment::should_roll(const BatchRun& run, int64_t now_ms) {
  constexpr int64_t kMaxSpan = std::numeric_limits<int32_t>::max();
  if (size_ + run.bytes.size() > config_.segment_size_bytes) return true;
  if (offset_index_.is_full(config_.index_size_max_bytes)) return true;
  if (time_index_.is_full(config_.index_size_max_bytes)) return true;
  if (run.last_offset - base_offset_ > kMaxSpan) return true;
  if (size_ == 0) return false;
  auto age = age_at(now_ms, run.max_timestamp.timestamp);
  if (!age) return age.error();
  return *age > config_.segment_ms - roll_jitter_ms();
}

Result<void> Segment::append(const BatchRun& run) {
  if (auto made = create_files(); !made) return made;
  auto log = file();
  if (!log) return log.error();
  // Read now, so that nothing can fail once the batches are written but the disk.
  if (auto known = max_timestamp(); !known) return known.error();
  if (auto last = time_index_.last_entry(); !last) return last.error();
  uint64_t position = size_;
  if (auto written = (*log)->write_at(position, {&run.bytes, 1}); !written) {
    (void)(*log)->truncate(position);  // gives the space back; the torn bytes are out of sight either way
    return written;
  }
  if (auto noted = note_append(run, position); !noted) return noted;
  size_ += run.bytes.size();
  return {};
}

Result<void> Segment::note_append(const BatchRun& run, uint64_t position) {
  if (run.max_timestamp.timestamp > max_timestamp_->timestamp) max_timestamp_ = run.max_timestamp;
  if (bytes_since_index_entry_ > config_.index_interval_bytes) {
    if (auto added = add_index_entries(run.last_offset, position); !added) return added;
  }
  bytes_since_index_entry_ += run.bytes.size();
  if (position == 0) first_timestamp_ = run.max_timestamp.timestamp;
  BatchIterator batches(run.bytes);
  uint64_t place = position;
  while (auto batch = batches.next()) {
    recent_.add({batch->base_offset(), batch->last_offset(), place, batch->size()});
    place += batch->size();
  }
  return {};
}

Result<void> Segment::add_index_entries(Offset last_offset, uint64_t position) {
  bytes_since_index_entry_ = 0;
  if (auto added = offset_index_.append({last_offset, static_cast<uint32_t>(position)}); !added) return added;
  return time_index_.append_if_later(*max_timestamp_);
}

Result<Segment::Sought> Segment::seek(Offset offset) {
  if (size_ == 0) return Sought();
  if (auto place = recent_.find(offset)) return Sought{place, size_};
  auto entry = offset_index_.lookup(offset);
  if (!entry) return entry.error();
  auto scanner = scan(entry->position, BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found) return Sought{std::nullopt, scanner->position()};
    const BatchView& batch = (*found)->batch;
    if (batch.last_offset() < offset) continue;
    BatchPlace place{batch.base_offset(), batch.last_offset(), (*found)->position, batch.size()};
    return Sought{place, size_};
  }
}

Result<std::optional<BatchPlace>> Segment::find(Offset offset) {
  auto sought = seek(offset);
  if (!sought) return sought.error();
  if (!sought->place && sought->end < size_) return damage_at(sought->end);
  return sought->place;
}

Result<uint64_t> Segment::position_of(Offset offset) {
  auto sought = seek(offset);
  if (!sought) return sought.error();
  return sought->place ? sought->place->position : sought->end;
}

Error Segment::damage_at(uint64_t position) {
  std::string what = fmt::format("what lies at position {} of {} is no batch", position, path(file_suffix::kLog));
  if (known_damage_.insert(position).second) log::error("a segment is damaged: {}", what);
  return {ErrorCode::corrupt_message, what};
}

Result<FileSlice> Segment::slice(uint64_t position, uint64_t size) {
  auto log = file();
  if (!log) return log.error();
  return FileSlice{*log, position, size};
}

Result<BatchScanner> Segment::scan(uint64_t position, BatchScanner::Depth depth) {
  if (size_ == 0) return BatchScanner(nullptr, 0, 0, depth);
  auto log = file();
  if (!log) return log.error();
  return BatchScanner(*log, position, size_, depth);
}

Result<Offset> Segment::read_next_offset() {
  if (size_ == 0) return base_offset_;
  if (auto place = recent_.last()) return place->last_offset + 1;
  auto entry = offset_index_.last_entry();
  if (!entry) return entry.error();
  auto scanner = scan(entry->position, BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  Offset next_offset = base_offset_;
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found) return scanner->position() < size_ ? damage_at(scanner->position()) : Result<Offset>(next_offset);
    next_offset = (*found)->batch.next_offset();
  }
}

Result<TimestampOffset> Segment::max_timestamp() {
  if (max_timestamp_) return *max_timestamp_;
  auto last = time_index_.last_entry();
  if (last) max_timestamp_ = *last;
  return last;
}

Result<int64_t> Segment::newest_ms() {
  auto newest = max_timestamp();
  if (!newest) return newest.error();
  if (newest->timestamp >= 0) return newest->timestamp;
  return modified_ms();
}

Result<int64_t> Segment::modified_ms() {
  return has_files_ ? files_.modified_ms(path(file_suffix::kLog)) : Result<int64_t>(created_ms_);
}

Result<void> Segment::truncate_to(Offset offset) {
  known_damage_.clear();
  auto place = find(offset);
  if (!place) return place.error();
  if (auto cut = offset_index_.truncate_to(offset); !cut) return cut;
  if (auto cut = time_index_.truncate_to(offset); !cut) return cut;
  if (*place) {
    auto log = file();
    if (!log) return log.error();
    if (auto cut = (*log)->truncate((*place)->position); !cut) return cut;
    size_ = (*place)->position;
  }
  is_active_ = true;
  recent_.clear();
  bytes_since_index_entry_ = 0;
  if (size_ == 0) first_timestamp_.reset();
  return read_max_timestamp();
}

Result<void> Segment::read_max_timestamp() {
  // The time index knows the maximum up to its last entry; what comes after that is read.
  auto last = time_index_.last_entry();
  if (!last) return last.error();
  max_timestamp_ = *last;
  auto entry = offset_index_.lookup(last->offset);
  if (!entry) return entry.error();
  auto scanner = scan(std::min<uint64_t>(entry->position, size_), BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found) return {};
    const BatchView& batch = (*found)->batch;
    if (batch.max_timestamp() > max_timestamp_->timestamp) {
      max_timestamp_ = TimestampOffset{batch.max_timestamp(), batch.last_offset()};
    }
  }
}

Result<void> Segment::deactivate() {
  auto latest = max_timestamp();
  if (!latest) return latest.error();
  if (auto added = time_index_.append_if_later(*latest); !added) return added;
  if (auto written = offset_index_.file().write_pending(); !written) return written;
  if (auto written = time_index_.file().write_pending(); !written) return written;
  if (auto trimmed = trim(); !trimmed) return trimmed;
  is_active_ = false;
  release_file();
  recent_.clear();
  return {};
}

Result<void> Segment::trim() {
  if (!is_preallocated_) return {};
  auto log = file();
  if (!log) return log.error();
  auto cut = (*log)->truncate(size_);
  is_preallocated_ = !cut.ok();
  return cut;
}

Result<std::vector<std::shared_ptr<File>>> Segment::prepare_flush() {
  std::vector<std::shared_ptr<File>> to_sync;
  if (!has_files_) return to_sync;
  for (IndexFile* index : {&offset_index_.file(), &time_index_.file()}) {
    if (auto written = index->write_pending(); !written) return written.error();
    auto opened = index->open();
    if (!opened) return opened.error();
    to_sync.push_back(*opened);
  }
  auto log = file();
  if (!log) return log.error();
  to_sync.push_back(*log);
  return to_sync;
}

Result<void> Segment::begin_rebuild(bool is_durable) {
  max_timestamp_ = TimestampOffset{-1, base_offset_};
  bytes_since_index_entry_ = 0;
  is_rebuilt_durably_ = is_durable;
  // The time index goes first and comes last: while it is unsound so is all the rest.
  if (is_durable) {
    if (auto begun = time_index_.begin_durable_rebuild(); !begun) return begun;
    return offset_index_.file().reset();
  }
  time_index_.begin_rebuild();
  offset_index_.file().begin_rebuild();
  return {};
}

Result<void> Segment::note_batch(const BatchView& batch, uint64_t position) {
  if (batch.max_timestamp() > max_timestamp_->timestamp) {
    max_timestamp_ = TimestampOffset{batch.max_timestamp(), batch.last_offset()};
  }
  if (bytes_since_index_entry_ > config_.index_interval_bytes) {
    if (auto added = add_index_entries(batch.last_offset(), position); !added) return added;
  }
  bytes_since_index_entry_ += batch.size();
  return {};
}

Result<void> Segment::cut_to(uint64_t valid_size) {
  if (valid_size == size_) return {};
  auto log = file();
  if (!log) return log.error();
  if (auto cut = (*log)->truncate(valid_size); !cut) return cut;
  size_ = valid_size;
  // Or it could come back, to stand before what is going to follow in another segment.
  return (*log)->sync();
}

Result<void> Segment::end_rebuild(uint64_t valid_size) {
  if (auto cut = cut_to(valid_size); !cut) return cut;
  open_file_.reset();
  if (auto added = time_index_.append_if_later(*max_timestamp_); !added) return added;
  if (!is_rebuilt_durably_) {
    if (auto ended = offset_index_.file().end_rebuild(); !ended) return ended;
    return time_index_.file().end_rebuild();
  }
  if (auto written = offset_index_.file().write_pending(); !written) return written;
  auto offsets = offset_index_.file().open();
  if (!offsets) return offsets.error();
  if (auto synced = (*offsets)->sync(); !synced) return synced;
  return time_index_.file().end_durable_rebuild();
}

}  // namespace gregor
