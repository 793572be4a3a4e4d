// What a broker shows of itself: the metrics of its parts, and whether it is ready.

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/config/options.h"

namespace gregor {

void Broker::observe(FetchApi& fetch) {
  bool tells_partitions = config_.get(options::gregor_metrics_partitions);
  std::vector<const LogDirectory*> directories;
  for (const auto& directory : directories_) directories.push_back(directory.get());
  replica_metrics_ = std::make_unique<ReplicaMetrics>(*partitions_, runtime_.shards, tells_partitions);
  controller_metrics_ = std::make_unique<ControllerMetrics>(*controller_);
  directory_metrics_ = std::make_unique<DirectoryMetrics>(std::move(directories));
  for (MetricSource* source : std::initializer_list<MetricSource*>{
           &topic_metrics_, &request_metrics_, replica_metrics_.get(), directory_metrics_.get(),
           controller_metrics_.get(), &zookeeper_->metrics(), &fetch.session_metrics()}) {
    observability_.add(*source);
  }
}

/// One row for each log directory: how far loading has got, or that it is offline, which keeps no clients from the
/// others. (The broker ends when the last one goes offline.)
std::vector<ReadinessCondition> Broker::load_conditions() const {
  if (!partitions_ || partitions_->load_progress().empty()) {
    return {{"logs", are_partitions_loaded_, are_partitions_loaded_ ? "" : "log directories are not loaded yet"}};
  }
  std::vector<ReadinessCondition> conditions;
  for (size_t i = 0; i < directories_.size(); ++i) {
    const LoadProgress& progress = partitions_->load_progress()[i];
    if (directories_[i]->health().is_offline()) {
      conditions.push_back({"logs of " + progress.directory, true,
                            directories_[i]->health().error().message + "; its partitions are not served"});
      continue;
    }
    conditions.push_back({"logs of " + progress.directory,
                          are_partitions_loaded_ || progress.loaded == progress.logs,
                          fmt::format("{} of {} partitions loaded", progress.loaded, progress.logs)});
  }
  return conditions;
}

std::vector<ReadinessCondition> Broker::readiness() const {
  bool is_connected = zookeeper_ && zookeeper_->state() == SessionState::connected;
  bool is_registered =
      is_connected && control_.broker_epoch().value != -1 && zookeeper_->session_id() == registered_session_;
  const ClusterImage& image = metadata_.image();
  bool knows_cluster = image.broker(id_) != nullptr;
  bool has_controller = image.broker(image.controller()) != nullptr;
  std::vector<ReadinessCondition> conditions{
      {"zookeeper", is_connected, is_connected ? "" : "no session with " + coordination_name_},
      {"registration", is_registered, is_registered ? "" : "the broker is not registered"},
      {"cluster", knows_cluster, knows_cluster ? "" : "the controller has not told of the cluster yet"},
      {"controller", has_controller,
       has_controller ? fmt::format("broker {}", image.controller().value) : "no live broker is the controller"},
      {"running", !is_stopping_, is_stopping_ ? "the broker is stopping" : ""}};
  for (auto& condition : load_conditions()) conditions.push_back(std::move(condition));
  return conditions;
}

}  // namespace gregor
