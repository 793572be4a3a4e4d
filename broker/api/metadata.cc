#include "broker/api/metadata.h"

#include <algorithm>

#include "broker/api/listener_view.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

using Response = protocol::MetadataResponse;

constexpr Duration kWaitForNewTopics = std::chrono::seconds(1);
// From this version on clients know LISTENER_NOT_FOUND.
constexpr int16_t kFirstWithListenerError = 6;

std::vector<int32_t> raw(const std::vector<BrokerId>& ids) {
  std::vector<int32_t> numbers;
  for (BrokerId id : ids) numbers.push_back(id.value);
  return numbers;
}

/// The picture's topics as one client sees them: on one listener, in one version of the answer.
class TopicRows {
 public:
  TopicRows(const ClusterImage& image, const RequestContext& context, bool with_operations)
      : image_(image),
        listener_(context.connection.listener_name),
        version_(context.version()),
        with_operations_(with_operations) {}

  Response::Topic known(const TopicImage& topic) const {
    Response::Topic row = named(topic.name, ErrorCode::none);
    row.topic_id = topic.id;
    for (const auto& [index, image] : topic.partitions) row.partitions.push_back(partition(index, image));
    if (with_operations_) row.topic_authorized_operations = kAllTopicOperations;
    return row;
  }

  Response::Topic named(std::string_view name, ErrorCode error) const {
    Response::Topic row;
    row.error_code = static_cast<int16_t>(error);
    row.name = std::string(name);
    row.is_internal = is_internal_topic(name);
    return row;
  }

  Response::Topic unknown_id(const Uuid& id) const {
    Response::Topic row;
    row.error_code = static_cast<int16_t>(ErrorCode::unknown_topic_id);
    if (version_ < 12) row.name = "";
    row.topic_id = id;
    return row;
  }

 private:
  Response::Partition partition(int32_t index, const PartitionImage& partition) const {
    Response::Partition row;
    row.partition_index = index;
    row.error_code = static_cast<int16_t>(leader_error(partition));
    row.leader_id = row.error_code == 0 ? partition.leader.value : kNoBroker.value;
    row.leader_epoch = partition.leader_epoch.value;
    row.replica_nodes = raw(partition.replicas);
    row.isr_nodes = raw(partition.in_sync);
    for (BrokerId replica : partition.replicas) {
      bool is_marked = std::find(partition.offline_replicas.begin(), partition.offline_replicas.end(), replica) !=
                       partition.offline_replicas.end();
      if (is_marked || !reachable_broker(image_, replica, listener_)) row.offline_replicas.push_back(replica.value);
    }
    return row;
  }

  ErrorCode leader_error(const PartitionImage& partition) const {
    if (image_.broker(partition.leader) == nullptr) return ErrorCode::leader_not_available;
    if (reachable_broker(image_, partition.leader, listener_)) return ErrorCode::none;
    return version_ >= kFirstWithListenerError ? ErrorCode::listener_not_found : ErrorCode::leader_not_available;
  }

  const ClusterImage& image_;
  const std::string_view listener_;
  const int16_t version_;
  const bool with_operations_;
};

bool wants_all_topics(const RequestContext& context, const protocol::MetadataRequest& request) {
  return !request.topics || (context.version() == 0 && request.topics->empty());
}

/// The valid names that are asked for and not known, each once.
std::vector<std::string> missing_topics(const protocol::MetadataRequest& request, const ClusterImage& image) {
  std::set<std::string> missing;
  for (const auto& topic : *request.topics) {
    if (!topic.name || image.topic(*topic.name) != nullptr || !topic_name_problem(*topic.name).empty()) continue;
    missing.emplace(*topic.name);
  }
  return {missing.begin(), missing.end()};
}

Response::Topic requested_row(const protocol::MetadataRequest::Topic& topic, const TopicRows& rows,
                              const ClusterImage& image, const std::map<std::string, ErrorCode>& errors) {
  if (!topic.name) {
    const TopicImage* found = image.topic(topic.topic_id);
    return found != nullptr ? rows.known(*found) : rows.unknown_id(topic.topic_id);
  }
  if (const TopicImage* found = image.topic(*topic.name)) return rows.known(*found);
  if (!topic_name_problem(*topic.name).empty()) return rows.named(*topic.name, ErrorCode::invalid_topic_exception);
  auto error = errors.find(std::string(*topic.name));
  return rows.named(*topic.name, error != errors.end() ? error->second : ErrorCode::unknown_topic_or_partition);
}

bool all_led(const ClusterImage& image, const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const TopicImage* topic = image.topic(name);
    return topic != nullptr && std::all_of(topic->partitions.begin(), topic->partitions.end(),
                                           [](const auto& entry) { return entry.second.leader != kNoBroker; });
  });
}

}  // namespace

Task<protocol::MetadataResponse> MetadataApi::answer(RequestContext context, protocol::MetadataRequest request) {
  bool all = wants_all_topics(context, request);
  std::map<std::string, ErrorCode> errors;
  if (!all && may_create(context, request)) {
    std::vector<std::string> missing = missing_topics(request, metadata_.image());
    if (!missing.empty()) errors = co_await create_missing(std::move(missing), context.connection.gone);
  }
  const ClusterImage& image = metadata_.image();
  Response response;
  for (const auto& broker : reachable_brokers(image, context.connection.listener_name)) {
    response.brokers.push_back({broker.id.value, broker.endpoint.host, broker.endpoint.port, broker.rack});
  }
  response.cluster_id = cluster_id_;
  response.controller_id = image.controller().value;
  TopicRows rows(image, context, request.include_topic_authorized_operations);
  if (all) {
    for (const auto& [name, topic] : image.topics()) response.topics.push_back(rows.known(*topic));
  } else {
    for (const auto& topic : *request.topics) response.topics.push_back(requested_row(topic, rows, image, errors));
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return response;
}

bool MetadataApi::may_create(const RequestContext& context, const Request& request) const {
  bool asked = context.version() < 4 || request.allow_auto_topic_creation;
  return asked && config_.get(options::auto_create_topics_enable);
}

Task<std::map<std::string, ErrorCode>> MetadataApi::create_missing(std::vector<std::string> missing,
                                                                   std::stop_token gone) {
  std::vector<Task<ErrorCode>> creations;
  for (const auto& name : missing) creations.push_back(run_on(admin_shard_, create_one(name)));
  std::vector<ErrorCode> outcomes = co_await when_all(std::move(creations));
  std::map<std::string, ErrorCode> errors;
  std::vector<std::string> created;
  for (size_t i = 0; i < missing.size(); ++i) {
    errors[missing[i]] = outcomes[i] == ErrorCode::none ? ErrorCode::leader_not_available : outcomes[i];
    if (outcomes[i] == ErrorCode::none) created.push_back(missing[i]);
  }
  auto led = [created](const ClusterImage& image) { return all_led(image, created); };
  co_await metadata_.wait_until(std::move(led), kWaitForNewTopics, gone);
  co_return errors;
}

Task<ErrorCode> MetadataApi::create_one(std::string name) {
  NewTopic topic;
  topic.name = std::move(name);
  Result<CreatedTopic> created = co_await topic_admin_.create(std::move(topic), false);
  if (created || created.error().is(ErrorCode::topic_already_exists)) co_return ErrorCode::none;
  co_return kafka_code(created.error().code);
}

}  // namespace gregor
