#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "broker/controller/agenda.h"
#include "broker/controller/controller_context.h"
#include "broker/metrics/histogram.h"

namespace gregor {

/// What the controller did, and how long that took, since the broker started: Kafka's ControllerStats, and the
/// times of its ControllerEventManager. The controller tells, ControllerMetrics shows.
///
/// On shard 0.
class ControllerStats {
 public:
  /// The kinds of work that Kafka tells apart.
  enum class Work { controller_change, broker_change, topic_change, topic_deletion };
  static constexpr size_t kWorks = 4;

  /// An entry of the agenda is looked at now.
  void begun(const Agenda::Entry& entry, Instant now) { waiting_times_.record(now - entry.since, now); }
  /// It was looked at, with or without success.
  void ended(Agenda::Kind kind, Instant begin, Instant now);
  /// A partition's state was written. An election was unclean when its winner was not in sync.
  void decided(const std::optional<LeaderAndIsr>& before, const LeaderAndIsr& next);

  Histogram& waiting_times() { return waiting_times_; }
  Histogram& times(Work work) { return times_[static_cast<size_t>(work)]; }
  uint64_t unclean_elections() const { return unclean_elections_; }

 private:
  Histogram waiting_times_;
  std::array<Histogram, kWorks> times_;
  uint64_t unclean_elections_ = 0;
};

}  // namespace gregor
