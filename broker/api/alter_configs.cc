#include "broker/api/alter_configs.h"

#include "broker/api/config_requests.h"

namespace gregor {
namespace {

using Request = protocol::AlterConfigsRequest;
using Response = protocol::AlterConfigsResponse;

}  // namespace

Task<Response> AlterConfigsApi::answer(RequestContext, Request request) {
  Response response = co_await run_on(admin_shard_, alter_all(std::move(request)));
  co_return response;
}

Task<Response> AlterConfigsApi::alter_all(Request request) {
  Response response;
  std::set<size_t> repeated = repeated_resources(request.resources);
  for (size_t i = 0; i < request.resources.size(); ++i) {
    Result<void> outcome = bad_config_request("Each resource must appear at most once.");
    if (!repeated.contains(i)) outcome = co_await alter_one(request.resources[i], request.validate_only);
    fill_config_row(response.responses.emplace_back(), request.resources[i], outcome);
  }
  co_return response;
}

Task<Result<void>> AlterConfigsApi::alter_one(Request::Resource resource, bool validate_only) {
  auto always = [](const Request::Config&) { return true; };
  if (auto checked = check_config_names(resource.configs, always); !checked) co_return checked;
  auto type = config_resource_type(resource.resource_type);
  if (!type || *type == ConfigResourceType::broker_logger) {
    co_return bad_config_request("Unknown resource type " + std::to_string(resource.resource_type));
  }
  Properties wanted;
  for (const auto& config : resource.configs) wanted[std::string(config.name)] = std::string(*config.value);
  ConfigResource target{*type, std::string(resource.resource_name)};
  Result<void> done = co_await admin_.replace(target, std::move(wanted), validate_only);
  co_return done;
}

}  // namespace gregor
