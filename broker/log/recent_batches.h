#pragma once

#include <optional>
#include <vector>

#include "broker/types/ids.h"

namespace gregor {

/// Where a batch lies in its segment.
struct BatchPlace {
  Offset base_offset;
  Offset last_offset;
  uint64_t position = 0;
  uint64_t size = 0;
};

/// The places of the last batches appended to the active segment, so that a reader near the end, which is nearly
/// every reader, costs neither an index lookup nor a read.
class RecentBatches {
 public:
  static constexpr size_t kCapacity = 64;

  void add(const BatchPlace& place);
  void clear() {
    places_ = {};
    next_ = 0;
  }
  /// The batch appended last, none when it is not remembered.
  std::optional<BatchPlace> last() const;
  /// The first batch whose last offset is `offset` or more; none when it is not among those remembered.
  std::optional<BatchPlace> find(Offset offset) const;

 private:
  const BatchPlace& at(size_t age_rank) const { return places_[(next_ + age_rank) % places_.size()]; }

  std::vector<BatchPlace> places_;  ///< a ring once it is full
  size_t next_ = 0;                 ///< the oldest place, when it is full
};

}  // namespace gregor
