#include "log_model.h"

#include <fmt/format.h>

namespace gregor {

LogModel::Batches LogModel::readable() const {
  Batches readable;
  for (const BatchPtr& batch : batches_) {
    if (batch->last >= start_) readable.push_back(batch);
  }
  return readable;
}

void LogModel::append(const Batches& appended) {
  for (const BatchPtr& batch : appended) {
    batches_.push_back(batch);
    producers_.take(*batch);
    end_ = batch->last + 1;
    begun_epoch_.reset();
  }
}

void LogModel::append_in_vain(const Batches& attempted) {
  pasts_.push_back({batches_, start_});
  pasts_.back().batches.insert(pasts_.back().batches.end(), attempted.begin(), attempted.end());
}

void LogModel::begin_epoch(int32_t epoch) {
  bool is_new = batches_.empty() || batches_.back()->leader_epoch < epoch;
  if (is_new) begun_epoch_ = epoch;
}

void LogModel::cut_at(int64_t target) {
  while (!batches_.empty() && batches_.back()->last >= target) {
    end_ = std::min(target, batches_.back()->first);
    batches_.pop_back();
  }
  if (target < end_) end_ = target;
  start_ = std::min(start_, end_);
  durable_end_ = std::min(durable_end_, end_);
  if (flush_) flush_->up_to = std::min(flush_->up_to, end_);
}

void LogModel::truncate(int64_t target) {
  begun_epoch_.reset();
  if (target >= end_) return;
  pasts_.push_back({batches_, start_});
  cut_at(target);
}

void LogModel::maybe_truncate(int64_t target) { sure_end_ = std::min(sure_end_, target); }

void LogModel::start_anew(int64_t start) {
  pasts_.push_back({batches_, start_});
  batches_.clear();
  producers_ = ProducerModel();
  begun_epoch_.reset();
  start_ = end_ = durable_end_ = start;  // there is nothing below
  if (flush_) flush_->up_to = 0;
}

void LogModel::maybe_start_anew(int64_t start) {
  sure_end_ = 0;
  highest_start_ = std::max(highest_start_, start);
}

void LogModel::raise_start(int64_t start) {
  start_ = std::max(start_, start);
  greatest_start_ = std::max(greatest_start_, start_);
}

void LogModel::begin_flush() { flush_ = Flush{end_, pasts_.size()}; }

void LogModel::end_flush() {
  durable_end_ = std::max(durable_end_, flush_->up_to);
  pasts_.erase(pasts_.begin(), pasts_.begin() + static_cast<ptrdiff_t>(flush_->pasts));
  flush_.reset();
}

void LogModel::flush() {
  begin_flush();
  end_flush();
}

/// Empty when `found` is a prefix of what `timeline` has from `start` on.
std::string LogModel::match(const Batches& timeline, const std::vector<std::string>& found, int64_t start) const {
  size_t at = 0;
  while (at < timeline.size() && timeline[at]->last < start) ++at;
  for (const std::string& bytes : found) {
    if (at == timeline.size()) {
      return fmt::format("a batch at {} that nobody appended there", first_offset_of(bytes));
    }
    if (timeline[at]->bytes != bytes) {
      return fmt::format("the batch [{}, {}] of {} bytes is [{}, {}] of {}", timeline[at]->first,
                         timeline[at]->last, timeline[at]->bytes.size(), first_offset_of(bytes),
                         last_offset_of(bytes), bytes.size());
    }
    ++at;
  }
  return "";
}

std::string LogModel::reopen(const std::vector<std::string>& found, int64_t start, int64_t end,
                             int64_t start_checkpoint, Loss loss) {
  int64_t highest_start = std::max(start_, highest_start_);
  greatest_start_ = std::max(greatest_start_, highest_start);
  if (start < start_checkpoint) return fmt::format("starts at {}, before {}", start, start_checkpoint);
  for (const Past& past : pasts_) {
    if (loss == Loss::unsynced) highest_start = std::max(highest_start, past.start);
  }
  if (start > highest_start) return fmt::format("starts at {}, {} was asked for", start, highest_start);

  Batches present = batches_;
  present.insert(present.end(), attempted_.begin(), attempted_.end());
  std::string problem = match(present, found, start);
  Batches timeline = present;
  for (size_t i = pasts_.size(); loss == Loss::unsynced && !problem.empty() && i-- > 0;) {
    if (!match(pasts_[i].batches, found, start).empty()) continue;
    problem.clear();
    timeline = pasts_[i].batches;
  }
  if (!problem.empty()) return problem;

  int64_t sure_end = std::min(loss == Loss::nothing ? end_ : durable_end_, sure_end_);
  int64_t found_end = found.empty() ? start : last_offset_of(found.back()) + 1;
  for (const BatchPtr& batch : timeline) {
    // What the start was raised beyond may be gone, also where it has fallen back.
    bool is_wanted = batch->last >= std::max({start, start_, highest_start_});
    bool is_lost = is_wanted && batch->last < sure_end && batch->last >= found_end;
    if (is_lost) return fmt::format("lost the batch at {}, everything below {} was safe", batch->first, sure_end);
  }
  if (end < found_end) return fmt::format("ends at {} with batches up to {}", end, found_end);

  pasts_.push_back({present, std::max(start_, highest_start_)});
  pasts_.push_back({timeline, start});
  // What lies behind the end now is gone, even what was below the start.
  while (!timeline.empty() && timeline.back()->last >= std::max(found_end, start)) timeline.pop_back();
  batches_ = timeline;
  start_ = highest_start_ = start;
  end_ = end;
  durable_end_ = std::min(durable_end_, end);
  sure_end_ = INT64_MAX;
  attempted_.clear();
  begun_epoch_.reset();
  flush_.reset();
  return "";
}

std::optional<LogModel::Timestamped> LogModel::find_timestamp(int64_t timestamp) const {
  for (const BatchPtr& batch : readable()) {
    for (int64_t i = 0; i < batch->spec.count(); ++i) {
      int64_t offset = batch->first + i;
      int64_t at = batch->spec.timestamps[static_cast<size_t>(i)];
      if (offset >= start_ && at >= timestamp) return Timestamped{offset, at};
    }
  }
  return std::nullopt;
}

std::optional<LogModel::Timestamped> LogModel::find_max_timestamp(int64_t first_segment) const {
  const StoredBatch* latest = nullptr;
  for (const BatchPtr& batch : batches_) {
    if (batch->first < first_segment) continue;
    bool is_later = latest == nullptr || batch->spec.max_timestamp() > latest->spec.max_timestamp();
    if (is_later) latest = batch.get();
  }
  if (latest == nullptr) return std::nullopt;
  const auto& timestamps = latest->spec.timestamps;
  auto at = std::max_element(timestamps.begin(), timestamps.end());
  return Timestamped{latest->first + (at - timestamps.begin()), *at};
}

bool LogModel::could_know(const ProducerModel& producers) const {
  for (size_t begin = batches_.size() + 1; begin-- > 0;) {
    bool is_read_anyway = begin > 0 && batches_[begin - 1]->last >= greatest_start_;
    if (is_read_anyway) continue;
    ProducerModel told;
    for (size_t i = begin; i < batches_.size(); ++i) told.take(*batches_[i]);
    if (told.agrees_with(producers)) return true;
  }
  return false;
}

ProducerModel LogModel::all_producers() const {
  ProducerModel all;
  for (const BatchPtr& batch : batches_) all.take(*batch);
  return all;
}

}  // namespace gregor
