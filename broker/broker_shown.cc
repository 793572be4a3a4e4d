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

/// One row for each log directory: how far loading has got, and then whether it is online, full or offline, of
/// which nothing keeps clients from the others. (The broker ends when the last one goes offline.)
std::vector<ReadinessCondition> Broker::load_conditions() const {
  if (!partitions_ || partitions_->load_progress().empty()) {
    return {{"logs", are_partitions_loaded_, are_partitions_loaded_ ? "" : "log directories are not loaded yet"}};
  }
  std::vector<ReadinessCondition> conditions;
  for (size_t i = 0; i < directories_.size(); ++i) {
    const LoadProgress& progress = partitions_->load_progress()[i];
    const DirectoryHealth& health = directories_[i]->health();
    ReadinessCondition condition{"logs of " + progress.directory, true, "online"};
    if (health.is_offline()) {
      condition.detail = health.error().message + "; its partitions are not served";
    } else if (!are_partitions_loaded_) {
      condition.is_fulfilled = progress.loaded == progress.logs;
      condition.detail = fmt::format("{} of {} partitions loaded", progress.loaded, progress.logs);
    } else if (health.is_full()) {
      condition.detail = health.error().message + "; its partitions are read, but take no records";
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

/// What comes from ZooKeeper. While a session goes on without a connection, nobody can tell.
std::vector<ReadinessCondition> Broker::coordination_conditions() const {
  bool is_connected = zookeeper_ && zookeeper_->state() == SessionState::connected;
  bool has_session = zookeeper_ && zookeeper_->session_id() != 0;
  const ClusterImage& image = metadata_.image();
  bool has_controller = image.broker(image.controller()) != nullptr;
  std::string controller = fmt::format("broker {}", image.controller().value);
  bool knows_cluster = image.broker(id_) != nullptr;
  ReadinessCondition cluster{"cluster", knows_cluster,
                             knows_cluster ? "" : "the controller has not told of the cluster yet"};
  if (!is_connected && has_session) {
    const char* unknown = "unknown, there is no connection to ZooKeeper at present";
    return {{"zookeeper", false, "no connection to " + coordination_name_ + " at present"},
            {"registration", false, unknown},
            cluster,
            {"controller", false, fmt::format("{}{}", unknown, has_controller ? "; it was " + controller : "")}};
  }
  bool is_registered =
      is_connected && control_.broker_epoch().value != -1 && zookeeper_->session_id() == registered_session_;
  return {{"zookeeper", is_connected, is_connected ? "" : "no session with " + coordination_name_},
          {"registration", is_registered, is_registered ? "" : "the broker is not registered"},
          cluster,
          {"controller", has_controller, has_controller ? controller : "no live broker is the controller"}};
}

std::vector<ReadinessCondition> Broker::readiness() const {
  std::vector<ReadinessCondition> conditions = coordination_conditions();
  conditions.push_back({"running", !is_stopping_, is_stopping_ ? "the broker is stopping" : ""});
  for (auto& condition : load_conditions()) conditions.push_back(std::move(condition));
  return conditions;
}

}  // namespace gregor
