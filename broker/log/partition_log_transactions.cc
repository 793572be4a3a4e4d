// What PartitionLog does for producers and transactions besides appends.
#include <algorithm>

#include "broker/log/partition_log.h"

namespace gregor {

ProducerRebuild PartitionLog::producers_now() const {
  return {log_start_offset_, log_end_offset_, clock_.wall_ms(), config_.producer_expiration_ms, false};
}

Result<AppendInfo> PartitionLog::duplicate_info(const ProducedBatch& first) const {
  AppendInfo info;
  info.first_offset = first.first_offset();
  info.last_offset = first.last_offset;
  info.log_append_time = first.timestamp;
  info.log_start_offset = log_start_offset_;
  info.is_duplicate = true;
  return info;
}

std::optional<Offset> PartitionLog::first_unstable_offset(Offset high_watermark) {
  if (unfinished_cut_) return log_start_offset_;  // the producers may not be known until it is
  producers_.state().forget_completed_below(high_watermark);
  auto first = producers_.state().first_unstable_offset();
  if (!first) return first;
  return std::max(*first, log_start_offset_);
}

Result<std::vector<AbortedTransaction>> PartitionLog::aborted_transactions(Offset from, const LogRead& found) {
  if (producers_.aborted().is_empty() || found.slices.empty()) return std::vector<AbortedTransaction>();
  size_t index = segment_for(found.segment_base_offset);
  auto beyond = segments_[index]->offset_index().offset_beyond(found.slices.front().position + found.size_bytes);
  if (!beyond) return storage_error(beyond.error());
  Offset segment_end = index + 1 < segments_.size() ? segments_[index + 1]->base_offset() : log_end_offset_;
  auto aborted = producers_.aborted().find(found.segment_base_offset, from, beyond->value_or(segment_end));
  if (!aborted) return storage_error(aborted.error());
  return aborted;
}

}  // namespace gregor
