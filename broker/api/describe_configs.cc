#include "broker/api/describe_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "broker/api/broker_loggers.h"
#include "broker/api/config_requests.h"
#include "broker/replica/topic_settings.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Request = protocol::DescribeConfigsRequest;
using Response = protocol::DescribeConfigsResponse;

/// Kafka's general sentence on such requests. One resource of a type that does not exist spoils the whole request.
constexpr const char* kUnknownType =
    "This most likely occurs because of a request being malformed by the client library or the message was sent to "
    "an incompatible broker. See the broker logs for more details.";

Error kafka_error(ErrorCode code, std::string message) { return Error{make_error_code(code), std::move(message)}; }

bool is_wanted(const Request::Resource& resource, const std::string& name) {
  return !resource.configuration_keys || resource.configuration_keys->empty() ||
         std::find(resource.configuration_keys->begin(), resource.configuration_keys->end(), name) !=
             resource.configuration_keys->end();
}

Response::Config row_of(ConfigEntry entry, const Request& request) {
  Response::Config row;
  row.is_default = entry.is_default();
  row.name = std::move(entry.name);
  row.value = std::move(entry.value);
  row.read_only = entry.read_only;
  row.config_source = static_cast<int8_t>(entry.source);
  row.is_sensitive = entry.is_sensitive;
  row.config_type = static_cast<int8_t>(entry.type);
  if (request.include_documentation) row.documentation = std::move(entry.documentation);
  if (!request.include_synonyms) return row;
  for (auto& synonym : entry.synonyms) {
    auto& synonym_row = row.synonyms.emplace_back();
    synonym_row.name = std::move(synonym.name);
    synonym_row.value = std::move(synonym.value);
    synonym_row.source = static_cast<int8_t>(synonym.source);
  }
  return row;
}

}  // namespace

Task<Response> DescribeConfigsApi::answer(RequestContext, Request request) {
  Response response;
  bool are_known = std::all_of(request.resources.begin(), request.resources.end(), [](const auto& resource) {
    return config_resource_type(resource.resource_type).has_value();
  });
  for (const auto& resource : request.resources) {
    Result<std::vector<ConfigEntry>> entries = kafka_error(ErrorCode::invalid_request, kUnknownType);
    if (are_known) entries = co_await entries_of(resource);
    auto& row = response.results.emplace_back();
    Result<void> outcome = entries ? Result<void>() : Result<void>(entries.error());
    fill_config_row(row, resource, outcome);
    if (!entries) continue;
    for (auto& entry : *entries) {
      if (is_wanted(resource, entry.name)) row.configs.push_back(row_of(std::move(entry), request));
    }
  }
  co_return response;
}

Task<Result<std::vector<ConfigEntry>>> DescribeConfigsApi::entries_of(Request::Resource resource) {
  std::string name(resource.resource_name);
  Result<std::vector<ConfigEntry>> entries{std::vector<ConfigEntry>()};
  switch (*config_resource_type(resource.resource_type)) {
    case ConfigResourceType::topic:
      entries = co_await topic_entries(std::move(name));
      break;
    case ConfigResourceType::broker:
      entries = broker_entries(name);
      break;
    case ConfigResourceType::broker_logger:
      entries = logger_entries(name);
      break;
    case ConfigResourceType::client_metrics:
      entries = kafka_error(ErrorCode::invalid_request,
                            name.empty() ? "Client metrics subscription name must not be empty"
                                         : "Config type client-metrics is only supported on KRaft clusters");
      break;
  }
  co_return entries;
}

Task<Result<std::vector<ConfigEntry>>> DescribeConfigsApi::topic_entries(std::string topic) {
  if (std::string problem = topic_name_problem(topic); !problem.empty()) {
    co_return kafka_error(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + problem);
  }
  if (metadata_.image().topic(topic) == nullptr) {
    co_return kafka_error(ErrorCode::unknown_topic_or_partition, "This server does not host this topic-partition.");
  }
  Result<Properties> overrides =
      co_await run_on(zookeeper_shard_, read_topic_overrides(zookeeper_, std::move(topic)));
  if (!overrides) co_return overrides.error();
  Result<TopicConfig> config = TopicConfig::create(config_.get(), *overrides);
  if (!config) co_return config.error();
  co_return describe_topic(config_.get(), *config);
}

Result<std::vector<ConfigEntry>> DescribeConfigsApi::broker_entries(const std::string& name) const {
  if (name.empty()) return describe_cluster(config_.get());
  if (auto self = check_broker(name, " or empty string,"); !self) return self.error();
  return describe_broker(config_.get());
}

Result<std::vector<ConfigEntry>> DescribeConfigsApi::logger_entries(const std::string& name) const {
  if (name.empty()) return kafka_error(ErrorCode::invalid_request, "Broker id must not be empty");
  if (auto self = check_broker(name, ""); !self) return self.error();
  return describe_loggers();
}

Result<void> DescribeConfigsApi::check_broker(const std::string& name, const char* alternative) const {
  int32_t id = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) {
    return kafka_error(ErrorCode::invalid_request, "Broker id must be an integer, but it is: " + name);
  }
  if (id == self_.value) return {};
  return kafka_error(ErrorCode::invalid_request, fmt::format("Unexpected broker id, expected {}{} but received {}",
                                                             self_.value, alternative, name));
}

}  // namespace gregor
