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
  auto file = files_.open(path(offset), OpenMode::create);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  Bytes piece = bytes.view();
  if (auto written = (*file)->write_at(0, {&piece, 1}); !written) return written;
  auto place = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
  if (place == offsets_.end() || *place != offset) offsets_.insert(place, offset);
  return {};
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

Result<void> ProducerSnapshotFiles::remove_outside(Offset first, Offset last) {
  for (Offset offset : std::vector<Offset>(offsets_)) {
    if (offset > first && offset <= last) continue;
    if (auto removed = remove(offset); !removed) return removed;
  }
  return {};
}

Result<void> ProducerSnapshotFiles::remove(Offset offset) {
  if (files_.exists(path(offset))) {
    if (auto removed = files_.remove(path(offset)); !removed) return removed;
  }
  forget(offset);
  return {};
}

}  // namespace gregor
