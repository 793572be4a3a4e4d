#include "broker/controller/controller_metrics.h"

namespace gregor {
namespace {

constexpr Metric gauge(std::string_view name, std::string_view help) { return {Metric::Type::gauge, name, help}; }

constexpr Metric kActive =
    gauge("kafka_controller_kafkacontroller_activecontrollercount", "1 when this broker is the controller");
constexpr Metric kBrokers =
    gauge("kafka_controller_kafkacontroller_activebrokercount", "Live brokers, 0 when not the controller");
constexpr Metric kOffline = gauge("kafka_controller_kafkacontroller_offlinepartitionscount",
                                  "Partitions without a live leader, 0 when not the controller");
constexpr Metric kImbalanced = gauge("kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
                                     "Partitions not led by their first replica, 0 when not the controller");
constexpr Metric kTopics =
    gauge("kafka_controller_kafkacontroller_globaltopiccount", "Topics, 0 when not the controller");
constexpr Metric kPartitions =
    gauge("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions, 0 when not the controller");
constexpr Metric kTopicsToDelete = gauge("kafka_controller_kafkacontroller_topicstodeletecount",
                                         "Topics being deleted, 0 when not the controller");
constexpr Metric kReplicasToDelete = gauge("kafka_controller_kafkacontroller_replicastodeletecount",
                                           "Replicas being deleted, 0 when not the controller");

struct Counts {
  bool is_active = false;
  size_t brokers = 0, topics = 0, partitions = 0, offline = 0, imbalanced = 0;
  size_t topics_to_delete = 0, replicas_to_delete = 0;
};

void count_topic(Counts& counts, const ControllerContext& context, const TopicAssignmentState& topic) {
  counts.partitions += topic.partitions.size();
  for (const auto& [index, partition] : topic.partitions) {
    if (!partition.state) continue;
    BrokerId leader = partition.state->leader;
    if (leader == kNoBroker || !context.is_live(leader)) ++counts.offline;
    if (!partition.replicas.empty() && leader != partition.replicas.front()) ++counts.imbalanced;
  }
}

Counts count(const ControllerContext& context) {
  Counts counts;
  counts.is_active = true;
  counts.brokers = context.live_brokers.size();
  counts.topics = context.topics.size();
  counts.topics_to_delete = context.topics_to_delete.size();
  for (const auto& [name, topic] : context.topics) {
    if (!context.topics_to_delete.contains(name)) {
      count_topic(counts, context, topic);
      continue;
    }
    counts.partitions += topic.partitions.size();
    for (const auto& [index, partition] : topic.partitions) counts.replicas_to_delete += partition.replicas.size();
  }
  return counts;
}

void write(MetricPage& page, const Counts& counts) {
  page.add(kActive, counts.is_active ? 1 : 0);
  page.add(kBrokers, static_cast<double>(counts.brokers));
  page.add(kOffline, static_cast<double>(counts.offline));
  page.add(kImbalanced, static_cast<double>(counts.imbalanced));
  page.add(kTopics, static_cast<double>(counts.topics));
  page.add(kPartitions, static_cast<double>(counts.partitions));
  page.add(kTopicsToDelete, static_cast<double>(counts.topics_to_delete));
  page.add(kReplicasToDelete, static_cast<double>(counts.replicas_to_delete));
}

}  // namespace

Task<MetricWriter> ControllerMetrics::collect() {
  Counts counts;
  if (controller_.is_active()) counts = count(controller_.context());
  MetricWriter writer = [counts](MetricPage& page) { write(page, counts); };
  co_return std::move(writer);
}

}  // namespace gregor
