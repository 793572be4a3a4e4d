#pragma once

#include <vector>

#include "broker/log/log_directory.h"
#include "broker/metrics/metric_source.h"

namespace gregor {

/// Kafka's LogManager metrics: which log directories are offline; and, beyond those, which are full.
class DirectoryMetrics final : public MetricSource {
 public:
  explicit DirectoryMetrics(std::vector<const LogDirectory*> directories) : directories_(std::move(directories)) {}
  Task<MetricWriter> collect() override;

 private:
  const std::vector<const LogDirectory*> directories_;
};

}  // namespace gregor
