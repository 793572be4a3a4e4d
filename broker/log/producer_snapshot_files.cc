#include "broker/log/producer_snapshot_files.h"

#include <algorithm>

#include "broker/log/producer_snapshot.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {

std::optional<Offset> ProducerSnapshotFiles::latest() const {
  if (offsets_.empty()) return std::nullopt;
  return offsets_.back();
}

Result<void> ProducerSnapshotFiles::write(Offset offset, const ProducerState& state) {
  Buffer bytes = encode_producer_snapshot(state);
  bool is_there = is_doubtful(offset) && says(offset, bytes.view());
  if (!is_there) {
    if (auto replaced = replace(offset, bytes.view()); !replaced) return replaced;
  }
  std::erase(doubtful_, offset);
  auto place = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
  if (place == offsets_.end() || *place != offset) offsets_.insert(place, offset);
  return {};
}

Result<void> ProducerSnapshotFiles::replace(Offset offset, Bytes bytes) {
  auto file = files_.open(path(offset), OpenMode::create);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  return (*file)->write_at(0, {&bytes, 1});
}

bool ProducerSnapshotFiles::says(Offset offset, Bytes bytes) {
  auto text = read_text_file(files_, path(offset), INT32_MAX);
  return text && std::ranges::equal(as_bytes(*text), bytes);
}

bool ProducerSnapshotFiles::is_doubtful(Offset offset) const {
  return std::find(doubtful_.begin(), doubtful_.end(), offset) != doubtful_.end();
}

Result<std::optional<Offset>> ProducerSnapshotFiles::load_latest(ProducerState& state) {
  while (!offsets_.empty()) {
    Offset offset = offsets_.back();
    auto text = read_text_file(files_, path(offset), INT32_MAX);
    if (!text) return text.error();
    auto producers = decode_producer_snapshot(as_bytes(*text));
    if (producers) {
      for (auto& [producer_id, entry] : *producers) state.restore(producer_id, std::move(entry));
      return std::optional<Offset>(offset);
    }
    log::warn("removed a damaged snapshot of producers file={} because: {}", path(offset),
              producers.error().message);
    if (auto removed = remove(offset); !removed) return removed.error();
  }
  return std::optional<Offset>();
}

Result<void> ProducerSnapshotFiles::remove_strays(const std::vector<Offset>& segments) {
  std::vector<Offset> strays;
  for (Offset offset : offsets_) {
    if (!std::binary_search(segments.begin(), segments.end(), offset)) strays.push_back(offset);
  }
  bool is_last_of_use = !strays.empty() && (segments.empty() || strays.back() > segments.back());
  if (is_last_of_use) strays.pop_back();
  for (Offset offset : strays) {
    if (auto removed = remove(offset); !removed) return removed;
  }
  return {};
}

void ProducerSnapshotFiles::doubt_outside(Offset first, Offset last) {
  auto is_inside = [first, last](Offset offset) { return offset > first && offset <= last; };
  auto outside = std::stable_partition(offsets_.begin(), offsets_.end(), is_inside);
  doubtful_.insert(doubtful_.end(), outside, offsets_.end());
  offsets_.erase(outside, offsets_.end());
}

Result<void> ProducerSnapshotFiles::remove_doubtful() {
  while (!doubtful_.empty()) {
    if (auto removed = remove(doubtful_.back()); !removed) return removed;
  }
  return {};
}

Result<void> ProducerSnapshotFiles::remove_all() {
  doubt_outside(Offset(INT64_MAX), Offset(INT64_MAX));
  return remove_doubtful();
}

Result<void> ProducerSnapshotFiles::remove(Offset offset) {
  if (files_.exists(path(offset))) {
    if (auto removed = files_.remove(path(offset)); !removed) return removed;
  }
  forget(offset);
  return {};
}

}  // namespace gregor
