#include "broker/controller/controller_stats.h"

#include <algorithm>

namespace gregor {
namespace {

ControllerStats::Work work_of(Agenda::Kind kind) {
  switch (kind) {
    case Agenda::Kind::election:
      return ControllerStats::Work::controller_change;
    case Agenda::Kind::brokers:
      return ControllerStats::Work::broker_change;
    case Agenda::Kind::topics:
    case Agenda::Kind::assignment:
      return ControllerStats::Work::topic_change;
    case Agenda::Kind::deletions:
    case Agenda::Kind::deleted:
      break;
  }
  return ControllerStats::Work::topic_deletion;
}

}  // namespace

void ControllerStats::ended(Agenda::Kind kind, Instant begin, Instant now) {
  times(work_of(kind)).record(now - begin, now);
}

void ControllerStats::decided(const std::optional<LeaderAndIsr>& before, const LeaderAndIsr& next) {
  if (!before || next.leader == kNoBroker) return;
  bool was_in_sync =
      std::find(before->in_sync.begin(), before->in_sync.end(), next.leader) != before->in_sync.end();
  if (!was_in_sync) ++unclean_elections_;
}

}  // namespace gregor
