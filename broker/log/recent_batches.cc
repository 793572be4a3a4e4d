#include "broker/log/recent_batches.h"

namespace gregor {

void RecentBatches::add(const BatchPlace& place) {
  if (places_.size() < kCapacity) {
    places_.push_back(place);
    return;
  }
  places_[next_] = place;
  next_ = (next_ + 1) % kCapacity;
}

std::optional<BatchPlace> RecentBatches::last() const {
  if (places_.empty()) return std::nullopt;
  return at(places_.size() - 1);
}

std::optional<BatchPlace> RecentBatches::find(Offset offset) const {
  if (places_.empty() || offset < at(0).base_offset) return std::nullopt;
  size_t low = 0;
  size_t high = places_.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (at(middle).last_offset < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == places_.size()) return std::nullopt;
  return at(low);
}

}  // namespace gregor
