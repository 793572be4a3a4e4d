#include "broker/log/log_producers.h"

#include <algorithm>
#include <utility>

#include "broker/log/directory_health.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

/// A scanned batch of which only the header may be in memory, read in full.
Result<Buffer> read_whole(Segment& segment, const ScannedBatch& found) {
  auto slice = segment.slice(found.position, found.batch.size());
  if (!slice) return slice.error();
  Buffer bytes(slice->size);
  auto count = slice->file->read_at(slice->position, bytes.span());
  if (!count) return count.error();
  bytes.resize(*count);
  return bytes;
}

}  // namespace

Result<void> LogProducers::note_producer(const BatchView& batch, Offset segment) {
  auto completed = state_.note(batch);
  if (!completed || !completed->is_abort) return {};
  has_changed_directory_ = has_changed_directory_ || !aborted_.has_file(segment);
  return aborted_.append(segment, {completed->producer_id, completed->first_offset, completed->last_offset,
                                   completed->last_stable_offset});
}

Result<void> LogProducers::take_snapshot(Offset end) {
  auto written = write_snapshot(end);
  // The next one will do; until then the log would be read a little further back.
  return !written && may_pass(written.error()) ? Result<void>() : written;
}

Result<void> LogProducers::write_snapshot(Offset end) {
  if (end <= last_snapshot_) return {};
  if (auto written = snapshots_.write(end, state_); !written) return written;
  last_snapshot_ = end;
  unsynced_.push_back(end);
  has_changed_directory_ = true;
  return {};
}

Result<void> LogProducers::take_last_snapshot(Offset end) {
  bool is_needed = !state_.is_empty() || snapshots_.has_any(end);
  return is_needed ? take_snapshot(end) : Result<void>();
}

Result<void> LogProducers::close(Offset end) {
  return state_.is_empty() ? take_last_snapshot(end) : write_snapshot(end);
}

Result<std::vector<std::shared_ptr<File>>> LogProducers::open_unsynced() {
  std::vector<std::shared_ptr<File>> opened;
  for (Offset offset : unsynced_) {
    if (!std::binary_search(snapshots_.offsets().begin(), snapshots_.offsets().end(), offset)) continue;
    auto file = snapshots_.open(offset);
    if (!file) return file.error();
    opened.push_back(std::move(*file));
  }
  unsynced_.clear();
  return opened;
}

Result<void> LogProducers::rebuild(std::span<const std::unique_ptr<Segment>> segments,
                                   const ProducerRebuild& rebuild) {
  state_.clear();
  has_changed_directory_ = true;  // snapshots may go
  last_snapshot_ = rebuild.log_start_offset;
  if (snapshots_.offsets().empty() && rebuild.is_after_clean_stop) return snapshot_ends(segments, rebuild.end);
  snapshots_.doubt_outside(rebuild.log_start_offset, rebuild.end);
  auto loaded = snapshots_.load_latest(state_);
  if (!loaded) return loaded.error();
  state_.expire(rebuild.now_ms, rebuild.expiration_ms);
  last_snapshot_ = loaded->value_or(rebuild.log_start_offset);
  if (last_snapshot_ < rebuild.end) {
    if (auto scanned = scan(segments, rebuild, last_snapshot_); !scanned) return scanned;
  }
  return {};
}

/// Without producers there is nothing to be read for; empty snapshots say so to the next start.
Result<void> LogProducers::snapshot_ends(std::span<const std::unique_ptr<Segment>> segments, Offset end) {
  for (size_t i = segments.size() > 2 ? segments.size() - 2 : 0; i < segments.size(); ++i) {
    if (auto taken = take_snapshot(segments[i]->base_offset()); !taken) return taken;
  }
  return take_last_snapshot(end);
}

Result<void> LogProducers::scan(std::span<const std::unique_ptr<Segment>> segments, const ProducerRebuild& rebuild,
                                Offset from) {
  for (size_t i = 0; i < segments.size(); ++i) {
    Segment& segment = *segments[i];
    bool is_before = i + 1 < segments.size() && segments[i + 1]->base_offset() <= from;
    if (is_before || segment.base_offset() >= rebuild.end) continue;
    if (i + 2 >= segments.size()) {
      if (auto taken = take_snapshot(segment.base_offset()); !taken) return taken;
    }
    Offset begin = std::max(from, rebuild.log_start_offset);
    if (auto scanned = scan_segment(segment, begin, rebuild.end); !scanned) return scanned;
  }
  return {};
}

Result<void> LogProducers::scan_segment(Segment& segment, Offset from, Offset end) {
  auto place = segment.find(from);
  // Damage was logged, and can't be read again better: the log goes on without what lies behind it in the segment.
  if (!place) return place.error().is(ErrorCode::corrupt_message) ? Result<void>() : place.error();
  if (!*place) return {};
  auto scanner = segment.scan((*place)->position, BatchScanner::Depth::headers);
  if (!scanner) return scanner.error();
  while (true) {
    auto found = scanner->next();
    if (!found) return found.error();
    if (!*found && scanner->position() < segment.size()) (void)segment.damage_at(scanner->position());
    if (!*found || (*found)->batch.base_offset() >= end) return {};
    const BatchView& batch = (*found)->batch;
    if (batch.is_legacy() || batch.producer_id() < 0) continue;
    if (!batch.is_control()) {
      state_.note(batch);
      continue;
    }
    auto whole = read_whole(segment, **found);
    if (!whole) return whole.error();
    auto marker = BatchView::probe(whole->view());
    if (marker && marker->is_whole()) state_.note(*marker);
  }
}

Result<void> LogProducers::truncate(std::span<const std::unique_ptr<Segment>> segments,
                                    const ProducerRebuild& wanted) {
  if (auto cut = aborted_.truncate(segments.back()->base_offset(), wanted.end); !cut) return cut;
  must_rebuild_ = must_rebuild_ || !state_.is_empty();
  snapshots_.doubt_outside(wanted.log_start_offset, wanted.end);
  if (auto removed = snapshots_.remove_doubtful(); !removed) return removed;
  last_snapshot_ = snapshots_.latest().value_or(wanted.log_start_offset);
  if (must_rebuild_) {
    if (auto rebuilt = rebuild(segments, wanted); !rebuilt) return rebuilt;
  }
  must_rebuild_ = false;
  return take_last_snapshot(wanted.end);
}

Result<void> LogProducers::truncate_fully(Offset start) {
  state_.clear();
  must_rebuild_ = false;
  last_snapshot_ = start;
  return snapshots_.remove_all();
}

void LogProducers::on_log_start(Offset start) {
  state_.forget_completed_below(start);
  last_snapshot_ = snapshots_.latest().value_or(start);
}

void LogProducers::forget_segment(Offset segment) {
  snapshots_.forget(segment);
  // The segment's snapshot may have been that of the log's end as well, and is wanted again.
  if (last_snapshot_ == segment) last_snapshot_ = snapshots_.latest().value_or(Offset(0));
  aborted_.forget(segment);
}

}  // namespace gregor
