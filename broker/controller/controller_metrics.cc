#include "broker/controller/controller_metrics.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "runtime/shard.h"

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

constexpr Distribution times(std::string_view name, std::string_view help) {
  return {name, help, kNanosecondsPerMillisecond};
}

/// In the order of ControllerStats::Work. Kafka names the second of them after elections, which it was made for.
constexpr std::array<Distribution, ControllerStats::kWorks> kWorkTimes = {
    times("kafka_controller_controllerstats_controllerchangerateandtimems",
          "Milliseconds of an election of the controller, and of what the elected does first"),
    times("kafka_controller_controllerstats_leaderelectionrateandtimems",
          "Milliseconds of handling brokers that came or went, elections of leaders among it"),
    times("kafka_controller_controllerstats_topicchangerateandtimems",
          "Milliseconds of handling topics and partitions that were made"),
    times("kafka_controller_controllerstats_topicdeletionrateandtimems",
          "Milliseconds of handling a wish for a deletion, or the end of one"),
};
constexpr Metric kUnclean{Metric::Type::counter, "kafka_controller_controllerstats_uncleanleaderelections_total",
                          "Leaders that were elected without being in sync"};
constexpr Metric kEvents =
    gauge("kafka_controller_controllereventmanager_eventqueuesize", "Events that the controller has yet to handle");
constexpr Distribution kEventTimes = times("kafka_controller_controllereventmanager_eventqueuetimems",
                                           "Milliseconds that an event waited to be handled");
constexpr Metric kRequests = gauge("kafka_controller_controllerchannelmanager_totalqueuesize",
                                   "Requests to brokers that wait to be sent, 0 when not the controller");
constexpr Metric kRequestsOfBroker =
    gauge("kafka_controller_controllerchannelmanager_queuesize",
          "Requests to a broker that wait to be sent; only the controller has them");
constexpr Distribution kRequestTimes =
    times("kafka_controller_controllerchannelmanager_requestrateandqueuetimems",
          "Milliseconds that a request to a broker waited to be sent; only the controller has them");

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

/// What the controller has to do and did.
struct Activity {
  struct Channel {
    BrokerId broker;
    size_t queue_size = 0;
    HistogramTotal queue_times;
  };

  std::array<HistogramTotal, ControllerStats::kWorks> times;
  uint64_t unclean_elections = 0;
  size_t events = 0;
  HistogramTotal event_times;
  std::vector<Channel> channels;
};

Activity activity_of(Controller& controller, Instant now) {
  Activity activity;
  ControllerStats& stats = controller.stats();
  for (size_t i = 0; i < activity.times.size(); ++i)
    activity.times[i].add(stats.times(ControllerStats::Work(i)), now);
  activity.unclean_elections = stats.unclean_elections();
  activity.events = controller.agenda_size();
  activity.event_times.add(stats.waiting_times(), now);
  for (const auto& [broker, channel] : controller.channels()) {
    Activity::Channel& told = activity.channels.emplace_back();
    told.broker = broker;
    told.queue_size = channel->queue_size();
    told.queue_times.add(channel->queue_times(), now);
  }
  return activity;
}

void write(MetricPage& page, const Activity& activity) {
  for (size_t i = 0; i < activity.times.size(); ++i) page.add(kWorkTimes[i], activity.times[i]);
  page.add(kUnclean, static_cast<double>(activity.unclean_elections));
  page.add(kEvents, static_cast<double>(activity.events));
  page.add(kEventTimes, activity.event_times);
  size_t requests = 0;
  for (const auto& channel : activity.channels) {
    MetricLabels labels = {{"broker_id", std::to_string(channel.broker.value)}};
    page.add(kRequestsOfBroker, static_cast<double>(channel.queue_size), labels);
    page.add(kRequestTimes, channel.queue_times, labels);
    requests += channel.queue_size;
  }
  page.add(kRequests, static_cast<double>(requests));
}

}  // namespace

Task<MetricWriter> ControllerMetrics::collect() {
  Counts counts;
  if (controller_.is_active()) counts = count(controller_.context());
  auto activity = std::make_shared<const Activity>(activity_of(controller_, Shard::current()->clock().now()));
  MetricWriter writer = [counts, activity](MetricPage& page) {
    write(page, counts);
    write(page, *activity);
  };
  co_return std::move(writer);
}

}  // namespace gregor
