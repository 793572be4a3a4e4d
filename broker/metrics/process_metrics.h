#pragma once

#include "broker/metrics/metric_source.h"

namespace gregor {

/// What the operating system knows of this process, under the names of Prometheus' own client libraries.
class ProcessMetrics final : public MetricSource {
 public:
  Task<MetricWriter> collect() override;
};

}  // namespace gregor
