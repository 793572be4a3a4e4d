#include "broker/log/leader_epoch_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "broker/log/checkpoint_file.h"
#include "broker/types/error_code.h"

namespace gregor {

Result<void> LeaderEpochCache::load() {
  entries_.clear();
  if (!files_.exists(path())) return {};
  auto text = read_text_file(files_, path());
  if (!text) return storage_error(text.error());
  auto lines = checkpoint_entries(*text, path());
  if (!lines) return lines.error();
  if (!text->ends_with('\n')) {
    // The file is not synced when it is replaced: of the last offset some digits may be missing.
    return Error{ErrorCode::kafka_storage_error, fmt::format("torn checkpoint file {}", path())};
  }
  for (const std::string& line : *lines) {
    std::istringstream fields(line);
    int32_t epoch = -1;
    int64_t offset = -1;
    if (!(fields >> epoch >> offset) || !(fields >> std::ws).eof() || epoch < 0 || offset < 0) {
      entries_.clear();
      return Error{ErrorCode::kafka_storage_error, fmt::format("malformed line in {}: '{}'", path(), line)};
    }
    assign(LeaderEpoch(epoch), Offset(offset));
  }
  is_changed_ = false;
  return {};
}

Result<void> LeaderEpochCache::save() {
  if (!is_changed_) return {};
  std::string text = fmt::format("0\n{}\n", entries_.size());
  for (const EpochStart& entry : entries_)
    text += fmt::format("{} {}\n", entry.epoch.value, entry.start_offset.value);
  auto written = replace_text_file_unsynced(files_, path(), text);
  is_changed_ = !written.ok();
  return written;
}

std::optional<LeaderEpoch> LeaderEpochCache::latest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().epoch;
}

void LeaderEpochCache::assign(LeaderEpoch epoch, Offset start_offset) {
  ASSERT(epoch.value >= 0 && start_offset.value >= 0);
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start_offset <= start_offset) return;
  while (!entries_.empty() && (entries_.back().epoch > epoch || entries_.back().start_offset >= start_offset)) {
    entries_.pop_back();
  }
  is_changed_ = true;
  if (latest() != epoch) entries_.push_back({epoch, start_offset});
}

void LeaderEpochCache::assign_older(std::vector<EpochStart> older) {
  if (older.empty()) return;
  bool goes_on = !entries_.empty() && entries_.front().epoch == older.back().epoch;
  older.insert(older.end(), entries_.begin() + (goes_on ? 1 : 0), entries_.end());
  entries_ = std::move(older);
  is_changed_ = true;
}

std::optional<EpochEnd> LeaderEpochCache::end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const {
  if (epoch == kNoEpoch) return std::nullopt;
  if (latest() == epoch) return EpochEnd{epoch, log_end_offset};
  auto higher = std::upper_bound(entries_.begin(), entries_.end(), epoch,
                                 [](LeaderEpoch wanted, const EpochStart& entry) { return wanted < entry.epoch; });
  if (higher == entries_.end()) return std::nullopt;
  LeaderEpoch known = higher == entries_.begin() ? epoch : std::prev(higher)->epoch;
  return EpochEnd{known, higher->start_offset};
}

std::optional<LeaderEpoch> LeaderEpochCache::epoch_of(Offset offset) const {
  auto later = std::upper_bound(entries_.begin(), entries_.end(), offset,
                                [](Offset wanted, const EpochStart& entry) { return wanted < entry.start_offset; });
  if (later == entries_.begin()) return std::nullopt;
  return std::prev(later)->epoch;
}

void LeaderEpochCache::truncate_from_end(Offset end_offset) {
  while (!entries_.empty() && entries_.back().start_offset >= end_offset) {
    entries_.pop_back();
    is_changed_ = true;
  }
}

void LeaderEpochCache::truncate_from_start(Offset start_offset) {
  auto first_later = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const EpochStart& entry) { return entry.start_offset > start_offset; });
  if (first_later == entries_.begin()) return;
  auto holder = std::prev(first_later);
  if (holder == entries_.begin() && holder->start_offset == start_offset) return;
  holder->start_offset = start_offset;
  entries_.erase(entries_.begin(), holder);
  is_changed_ = true;
}

void LeaderEpochCache::clear() {
  is_changed_ = is_changed_ || !entries_.empty();
  entries_.clear();
}

}  // namespace gregor
