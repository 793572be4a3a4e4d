#include "broker/replica/maintenance.h"

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kLookInterval = std::chrono::seconds(1);

}  // namespace

void Maintenance::start(const MaintenanceIntervals& intervals) {
  retention_.start(intervals.retention, [this] { return apply_retention(); });
  flush_.start(intervals.flush, [this] { return flush_what_is_due(); });
  expiry_.start(intervals.expiry, [this] { return expire_producers(); });
  look_.start(kLookInterval, [this] { return look_at_directories(); });
}

Task<void> Maintenance::stop() {
  co_await retention_.stop();
  co_await flush_.stop();
  co_await expiry_.stop();
  co_await look_.stop();
}

Task<void> Maintenance::apply_retention() {
  auto visit = [this](Partition& partition) {
    if (partition.has_failed()) return;
    auto removed = partition.apply_retention();
    if (!removed && !partition.directory().health().is_offline()) {
      log::error("could not remove old segments partition={} reason=\"{}\"", partition.name().to_string(),
                 removed.error().message);
    }
    partitions_.remove_deleted_files(partition);
  };
  co_await partitions_.visit_all(visit);
}

Task<void> Maintenance::flush_what_is_due() {
  auto visit = [this](Partition& partition) {
    if (partition.is_flush_due()) partitions_.flush_soon(partition);
  };
  co_await partitions_.visit_all(visit);
}

Task<void> Maintenance::expire_producers() {
  auto visit = [](Partition& partition) { partition.log().expire_producers(); };
  co_await partitions_.visit_all(visit);
}

Task<void> Maintenance::look_at_directories() {
  auto look = [this] {
    for (LogDirectory* directory : directories_) directory->look();
  };
  co_await in_background(pool_, look);
  co_await partitions_.retry_unavailable();
}

}  // namespace gregor
