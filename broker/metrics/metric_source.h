#pragma once

#include "broker/metrics/metric_page.h"
#include "runtime/task.h"
#include "runtime/unique_function.h"

namespace gregor {

/// Writes collected numbers onto a page. Touches nothing that a shard owns, so that it may run on any thread.
using MetricWriter = UniqueFunction<void(MetricPage&)>;

/// A part of the broker that has something to tell in every scrape.
class MetricSource {
 public:
  virtual ~MetricSource() = default;
  /// Copies the numbers, visiting the shards that own them only as long as that takes; putting them into words is
  /// left to the writer. Called on shard 0, one at a time.
  virtual Task<MetricWriter> collect() = 0;
};

}  // namespace gregor
