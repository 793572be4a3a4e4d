#pragma once

#include "broker/controller/controller.h"
#include "broker/metrics/metric_source.h"

namespace gregor {

/// Kafka's KafkaController metrics: the cluster as the active controller sees it, zeros on every other broker. And
/// what the controller has to do and did: its events, and the requests to brokers.
class ControllerMetrics final : public MetricSource {
 public:
  explicit ControllerMetrics(Controller& controller) : controller_(controller) {}
  Task<MetricWriter> collect() override;

 private:
  Controller& controller_;
};

}  // namespace gregor
