#include "tests/support/cached_content.h"

#include <algorithm>

namespace gregor::testing {

void CachedContent::apply(const Change& change, size_t count, std::vector<uint8_t>& to) {
  if (change.is_truncation) {
    to.resize(change.position);
    return;
  }
  if (count == 0) return;
  to.resize(std::max<size_t>(to.size(), change.position + count));
  std::copy_n(change.data.begin(), count, to.begin() + static_cast<ptrdiff_t>(change.position));
}

void CachedContent::write(uint64_t position, Bytes data) {
  Change change{false, position, {data.begin(), data.end()}};
  apply(change, change.data.size(), seen_);
  unsynced_.push_back(std::move(change));
}

void CachedContent::truncate(uint64_t size) {
  Change change{true, size, {}};
  apply(change, 0, seen_);
  unsynced_.push_back(std::move(change));
}

void CachedContent::sync() {
  apply_whole(0, unsynced_.size());
  unsynced_.clear();
}

void CachedContent::apply_whole(size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) apply(unsynced_[i], unsynced_[i].data.size(), durable_);
}

void CachedContent::lose_power(std::mt19937_64& random) {
  auto up_to = [&](size_t most) { return static_cast<size_t>(random() % (most + 1)); };
  size_t kept = up_to(unsynced_.size());
  bool keeps_last = random() % 2 == 0;
  if (keeps_last) {
    auto last_truncation = std::find_if(unsynced_.rbegin(), unsynced_.rend(),
                                        [](const Change& change) { return change.is_truncation; });
    auto ordered = static_cast<size_t>(unsynced_.rend() - last_truncation);
    apply_whole(0, ordered);
    apply_whole(std::max(kept, ordered), unsynced_.size());
  } else {
    apply_whole(0, kept);
    bool has_torn_one = kept < unsynced_.size() && !unsynced_[kept].is_truncation;
    if (has_torn_one) apply(unsynced_[kept], up_to(unsynced_[kept].data.size()), durable_);
  }
  lose_everything_unsynced();
}

void CachedContent::lose_everything_unsynced() {
  unsynced_.clear();
  seen_ = durable_;
}

}  // namespace gregor::testing
