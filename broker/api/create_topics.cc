#include "broker/api/create_topics.h"

#include <algorithm>
#include <set>

#include "broker/config/describe.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Request = protocol::CreateTopicsRequest;
using Response = protocol::CreateTopicsResponse;

Response::Topic failed(std::string_view name, ErrorCode code, std::string message) {
  Response::Topic row;
  row.name = std::string(name);
  row.error_code = static_cast<int16_t>(code);
  row.error_message = std::move(message);
  return row;
}

std::set<std::string_view> names_given_twice(const Request& request) {
  std::set<std::string_view> seen;
  std::set<std::string_view> twice;
  for (const auto& topic : request.topics) {
    if (!seen.insert(topic.name).second) twice.insert(topic.name);
  }
  return twice;
}

Result<NewTopic> new_topic(const Request::Topic& wanted) {
  NewTopic topic;
  topic.name = std::string(wanted.name);
  topic.partitions = wanted.num_partitions;
  topic.replication_factor = wanted.replication_factor;
  for (const auto& assignment : wanted.assignments) {
    auto [replicas, is_first] = topic.assignment.try_emplace(assignment.partition_index);
    if (!is_first) {
      return Error{make_error_code(ErrorCode::invalid_replica_assignment),
                   "The replicas of partition " + std::to_string(assignment.partition_index) + " are given twice."};
    }
    for (int32_t id : assignment.broker_ids) replicas->second.emplace_back(id);
  }
  for (const auto& config : wanted.configs) {
    if (!config.value) {
      return Error{make_error_code(ErrorCode::invalid_config),
                   "Null value not supported for topic configs: " + std::string(config.name)};
    }
    topic.configs[std::string(config.name)] = std::string(*config.value);
  }
  return topic;
}

std::vector<Response::Config> config_rows(const BrokerConfig& broker, const TopicConfig& topic) {
  std::vector<Response::Config> rows;
  for (auto& entry : describe_topic(broker, topic)) {
    auto& row = rows.emplace_back();
    row.name = std::move(entry.name);
    row.value = std::move(entry.value);
    row.read_only = entry.read_only;
    row.config_source = static_cast<int8_t>(entry.source);
    row.is_sensitive = entry.is_sensitive;
  }
  return rows;
}

/// Every topic that was made is there under its id, every partition of it with a leader.
bool shows(const ClusterImage& image, const Response& response) {
  return std::all_of(response.topics.begin(), response.topics.end(), [&](const Response::Topic& row) {
    if (row.error_code != 0) return true;
    const TopicImage* topic = image.topic(row.topic_id);
    return topic != nullptr && static_cast<int32_t>(topic->partitions.size()) == row.num_partitions &&
           std::all_of(topic->partitions.begin(), topic->partitions.end(),
                       [](const auto& entry) { return entry.second.leader != kNoBroker; });
  });
}

}  // namespace

Task<Response> CreateTopicsApi::answer(RequestContext context, Request request) {
  Response response = co_await run_on(admin_shard_, create_all(std::move(request), context.connection.gone));
  co_return response;
}

Task<Response> CreateTopicsApi::create_all(Request request, std::stop_token gone) {
  Response response;
  std::set<std::string_view> twice = names_given_twice(request);
  std::vector<Task<Response::Topic>> creations;
  for (const auto& topic : request.topics) {
    if (!controller_.is_active()) {
      response.topics.push_back(
          failed(topic.name, ErrorCode::not_controller, "This is not the correct controller for this cluster."));
    } else if (twice.contains(topic.name)) {
      response.topics.push_back(failed(topic.name, ErrorCode::invalid_request,
                                       "Create topics request contains multiple entries for this topic."));
    } else {
      creations.push_back(create_one(topic, request.validate_only));
    }
  }
  std::vector<Response::Topic> made = co_await when_all(std::move(creations));
  for (auto& row : made) response.topics.push_back(std::move(row));
  if (!request.validate_only) {
    Duration timeout = std::chrono::milliseconds(request.timeout_ms);
    co_await await_leaders(response, timeout, gone);
  }
  co_return response;
}

Task<Response::Topic> CreateTopicsApi::create_one(Request::Topic wanted, bool validate_only) {
  Result<NewTopic> topic = new_topic(wanted);
  if (!topic) co_return failed(wanted.name, kafka_code(topic.error().code), topic.error().message);
  Properties overrides(topic->configs.begin(), topic->configs.end());
  Result<CreatedTopic> created = co_await admin_.create(std::move(*topic), validate_only);
  if (!created) co_return failed(wanted.name, kafka_code(created.error().code), created.error().message);
  Response::Topic row;
  row.name = std::string(wanted.name);
  row.topic_id = created->id;
  row.num_partitions = created->partitions;
  row.replication_factor = static_cast<int16_t>(created->replication_factor);
  auto config = TopicConfig::create(config_.get(), overrides);
  if (config) row.configs = config_rows(config_.get(), *config);
  co_return row;
}

Task<void> CreateTopicsApi::await_leaders(Response& response, Duration timeout, std::stop_token gone) {
  auto all_there = [&response](const ClusterImage& image) { return shows(image, response); };
  bool in_time = co_await metadata_.wait_until(all_there, timeout, gone);
  if (in_time) co_return;
  for (auto& row : response.topics) {
    Response only;
    only.topics.push_back(row);
    if (!shows(metadata_.image(), only))
      row = failed(row.name, ErrorCode::request_timed_out, "The request timed out.");
  }
}

}  // namespace gregor
