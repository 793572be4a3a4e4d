// What PartitionLog forgets when its records are old, or too many.
#include "broker/log/partition_log.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

/// Walks the segments from the oldest on and says of each whether it may go.
class RetentionWalk {
 public:
  RetentionWalk(const LogRetention& retention, uint64_t log_size, int64_t now_ms)
      : retention_(retention), excess_bytes_(excess(retention, log_size)), now_ms_(now_ms) {}

  Result<bool> may_go(Segment& segment) {
    if (static_cast<int64_t>(segment.size()) <= excess_bytes_) {
      excess_bytes_ -= static_cast<int64_t>(segment.size());
      return true;
    }
    excess_bytes_ = -1;  // what is newer stays as well
    if (retention_.max_age_ms < 0) return false;
    auto newest = segment.newest_ms();
    if (!newest) return newest.error();
    return now_ms_ - *newest > retention_.max_age_ms;
  }

 private:
  static int64_t excess(const LogRetention& retention, uint64_t log_size) {
    if (retention.max_size_bytes < 0) return -1;
    return static_cast<int64_t>(log_size) - retention.max_size_bytes;
  }

  const LogRetention retention_;
  int64_t excess_bytes_;
  const int64_t now_ms_;
};

}  // namespace

Result<size_t> PartitionLog::count_expired(const LogRetention& retention, Offset high_watermark) {
  RetentionWalk walk(retention, size_bytes(), clock_.wall_ms());
  size_t expired = 0;
  for (; expired < segments_.size(); ++expired) {
    Segment& segment = *segments_[expired];
    bool is_last = expired + 1 == segments_.size();
    Offset end = is_last ? log_end_offset_ : segments_[expired + 1]->base_offset();
    if (end > high_watermark || (is_last && segment.size() == 0)) break;
    bool is_before_start = !is_last && end <= log_start_offset_;
    auto may_go = is_before_start ? Result<bool>(true) : walk.may_go(segment);
    if (!may_go) return may_go.error();
    if (!*may_go) break;
  }
  return expired;
}

Result<size_t> PartitionLog::apply_retention(const LogRetention& retention, Offset high_watermark) {
  if (auto usable = ensure_usable(); !usable) return usable.error();
  auto expired = count_expired(retention, high_watermark);
  if (!expired) return storage_error(expired.error());
  if (*expired == 0) return size_t(0);
  Offset new_start = *expired == segments_.size() ? log_end_offset_ : segments_[*expired]->base_offset();
  log::info("removing old segments partition={} count={} new_start={} max_age_ms={} max_size_bytes={}",
            name_.to_string(), *expired, std::max(new_start, log_start_offset_).value, retention.max_age_ms,
            retention.max_size_bytes);
  if (*expired == segments_.size()) {
    if (auto rolled = roll_at(log_end_offset_); !rolled) return fail(rolled.error());
  }
  if (auto removed = remove_segments(0, *expired); !removed) return fail(removed.error());
  if (new_start > log_start_offset_) {
    log_start_offset_ = new_start;
    epochs_.truncate_from_start(new_start);
    producers_.on_log_start(new_start);
  }
  if (auto saved = save_epochs(); !saved) return saved.error();
  return *expired;
}

}  // namespace gregor
