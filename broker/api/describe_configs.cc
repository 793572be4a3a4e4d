#include "broker/api/describe_configs.h"

#include <algorithm>

#include "broker/replica/topic_settings.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Request = protocol::DescribeConfigsRequest;
using Response = protocol::DescribeConfigsResponse;

constexpr int8_t kTopicResource = 2;
constexpr int8_t kBrokerResource = 4;

Error kafka_error(ErrorCode code, std::string message) { return Error{make_error_code(code), std::move(message)}; }

bool is_wanted(const Request::Resource& resource, const std::string& name) {
  return !resource.configuration_keys ||
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
  for (const auto& resource : request.resources) {
    Result<std::vector<ConfigEntry>> entries = co_await entries_of(resource);
    auto& row = response.results.emplace_back();
    row.resource_type = resource.resource_type;
    row.resource_name = std::string(resource.resource_name);
    if (!entries) {
      row.error_code = static_cast<int16_t>(kafka_code(entries.error().code));
      row.error_message = entries.error().message;
      continue;
    }
    for (auto& entry : *entries) {
      if (is_wanted(resource, entry.name)) row.configs.push_back(row_of(std::move(entry), request));
    }
  }
  co_return response;
}

Task<Result<std::vector<ConfigEntry>>> DescribeConfigsApi::entries_of(Request::Resource resource) {
  if (resource.resource_type == kBrokerResource) co_return broker_entries(resource.resource_name);
  if (resource.resource_type != kTopicResource) {
    co_return kafka_error(ErrorCode::invalid_request,
                          "Unsupported resource type: " + std::to_string(resource.resource_type));
  }
  std::string topic(resource.resource_name);
  if (std::string problem = topic_name_problem(topic); !problem.empty()) {
    co_return kafka_error(ErrorCode::invalid_topic_exception, "Topic name is invalid: " + problem);
  }
  if (metadata_.image().topic(topic) == nullptr) {
    co_return kafka_error(ErrorCode::unknown_topic_or_partition, "This server does not host this topic-partition.");
  }
  Result<std::vector<ConfigEntry>> entries = co_await run_on(zookeeper_shard_, topic_entries(std::move(topic)));
  co_return entries;
}

Task<Result<std::vector<ConfigEntry>>> DescribeConfigsApi::topic_entries(std::string topic) {
  Result<Properties> overrides = co_await read_topic_overrides(zookeeper_, std::move(topic));
  if (!overrides) co_return overrides.error();
  Result<TopicConfig> config = TopicConfig::create(config_, *overrides);
  if (!config) co_return config.error();
  co_return describe_topic(config_, *config);
}

Result<std::vector<ConfigEntry>> DescribeConfigsApi::broker_entries(std::string_view name) const {
  if (name.empty()) return std::vector<ConfigEntry>{};  // cluster-wide dynamic options, of which there are none
  std::string self = std::to_string(self_.value);
  if (name == self) return describe_broker(config_);
  return kafka_error(ErrorCode::invalid_request, "Unexpected broker id, expected " + self +
                                                     " or empty string, but received " + std::string(name));
}

}  // namespace gregor
