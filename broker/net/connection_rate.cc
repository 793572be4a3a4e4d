#include "broker/net/connection_rate.h"

#include <algorithm>

namespace gregor {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Duration ConnectionRate::record(int32_t limit, Instant now) {
  forget_old(now);
  if (samples_.empty() || now - samples_.back().begin >= windows_.size) samples_.push_back({now});
  ++samples_.back().count;
  double rate = per_second(now);
  if (rate <= limit) return Duration::zero();
  if (limit <= 0) return windows_.size;
  double excess = (rate - limit) / limit * seconds(measured_time(now));
  auto wait = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(excess));
  return std::min(wait, windows_.size);
}

void ConnectionRate::take_back() {
  if (!samples_.empty()) --samples_.back().count;
}

double ConnectionRate::per_second(Instant now) {
  forget_old(now);
  int64_t total = 0;
  for (const Sample& sample : samples_) total += sample.count;
  return static_cast<double>(total) / seconds(measured_time(now));
}

bool ConnectionRate::is_empty(Instant now) const {
  return samples_.empty() || samples_.back().begin <= now - windows_.size * static_cast<int64_t>(windows_.count);
}

void ConnectionRate::forget_old(Instant now) {
  Instant forgotten = now - windows_.size * static_cast<int64_t>(windows_.count);
  while (!samples_.empty() && samples_.front().begin <= forgotten) samples_.pop_front();
}

Duration ConnectionRate::measured_time(Instant now) const {
  Duration elapsed = samples_.empty() ? Duration::zero() : now - samples_.front().begin;
  auto full_windows = static_cast<int64_t>(elapsed / windows_.size);
  int64_t least = std::max<int64_t>(static_cast<int64_t>(windows_.count) - 1, 1);
  return elapsed + windows_.size * std::max<int64_t>(least - full_windows, 0);
}

}  // namespace gregor
