#include "broker/api/incremental_alter_configs.h"

#include "broker/api/broker_loggers.h"
#include "broker/api/config_requests.h"

namespace gregor {
namespace {

using Request = protocol::IncrementalAlterConfigsRequest;
using Response = protocol::IncrementalAlterConfigsResponse;
using Kind = ConfigOperation::Kind;

bool needs_value(const Request::Config& config) {
  return config.config_operation != static_cast<int8_t>(Kind::remove);
}

Result<std::vector<ConfigOperation>> operations_of(const Request::Resource& resource) {
  std::vector<ConfigOperation> operations;
  for (const auto& config : resource.configs) {
    int8_t kind = config.config_operation;
    if (kind < static_cast<int8_t>(Kind::set) || kind > static_cast<int8_t>(Kind::subtract)) {
      return bad_config_request("Unknown operations type " + std::to_string(kind));
    }
    operations.push_back(
        {std::string(config.name), static_cast<Kind>(kind), std::string(config.value.value_or(""))});
  }
  return operations;
}

}  // namespace

Task<Response> IncrementalAlterConfigsApi::answer(RequestContext, Request request) {
  Response response = co_await run_on(admin_shard_, alter_all(std::move(request)));
  co_return response;
}

Task<Response> IncrementalAlterConfigsApi::alter_all(Request request) {
  Response response;
  std::set<size_t> repeated = repeated_resources(request.resources);
  for (size_t i = 0; i < request.resources.size(); ++i) {
    Result<void> outcome = bad_config_request("Each resource must appear at most once.");
    if (!repeated.contains(i)) outcome = co_await alter_one(request.resources[i], request.validate_only);
    fill_config_row(response.responses.emplace_back(), request.resources[i], outcome);
  }
  co_return response;
}

Task<Result<void>> IncrementalAlterConfigsApi::alter_one(Request::Resource resource, bool validate_only) {
  if (auto checked = check_config_names(resource.configs, needs_value); !checked) co_return checked;
  auto type = config_resource_type(resource.resource_type);
  if (!type) co_return bad_config_request("Unknown resource type " + std::to_string(resource.resource_type));
  auto operations = operations_of(resource);
  if (!operations) co_return operations.error();
  ConfigResource target{*type, std::string(resource.resource_name)};
  if (*type == ConfigResourceType::broker_logger) {
    if (auto self = admin_.check_self(target.name, "Node"); !self) co_return self;
    co_return alter_loggers(*operations, validate_only);
  }
  Result<void> done = co_await admin_.alter(target, std::move(*operations), validate_only);
  co_return done;
}

}  // namespace gregor
