#pragma once

#include "broker/controller/controller.h"
#include "broker/metrics/metric_source.h"

namespace gregor {

/// Kafka's KafkaController metrics: the cluster as the active controller sees it, zeros on every other broker.
class ControllerMetrics final : public MetricSource {
 public:
  explicit ControllerMetrics(const Controller& controller) : controller_(controller) {}
  Task<MetricWriter> collect() override;

 private:
  const Controller& controller_;
};

}  // namespace gregor
