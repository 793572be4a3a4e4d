#include "broker/replica/high_watermark.h"

#include <algorithm>

namespace gregor {

void HighWatermark::begin_leading(std::vector<BrokerId> in_sync, Offset log_end) {
  in_sync_ = std::move(in_sync);
  log_ends_.clear();
  log_ends_[self_] = log_end;
  value_ = std::min(value_, log_end);
  advance();
}

bool HighWatermark::set_in_sync(std::vector<BrokerId> in_sync) {
  in_sync_ = std::move(in_sync);
  return advance();
}

bool HighWatermark::on_log_end(BrokerId replica, Offset log_end) {
  log_ends_[replica] = log_end;
  return advance();
}

bool HighWatermark::advance() {
  Offset slowest = log_ends_[self_];
  for (BrokerId replica : in_sync_) slowest = std::min(slowest, log_ends_[replica]);
  if (slowest <= value_) return false;
  value_ = slowest;
  return true;
}

}  // namespace gregor
