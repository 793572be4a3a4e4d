#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/controller/config_admin.h"
#include "broker/types/error_code.h"
#include "runtime/result.h"

namespace gregor {

/// invalid_request with `message`.
Error bad_config_request(std::string message);
/// The type that a request names by its number; none when there is no such type.
std::optional<ConfigResourceType> config_resource_type(int8_t number);

/// The places of resources that a request names more than once, all of which are refused.
template <class Resources>
std::set<size_t> repeated_resources(const Resources& resources) {
  std::set<size_t> repeated;
  for (size_t i = 0; i < resources.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      bool is_same = resources[i].resource_type == resources[k].resource_type &&
                     resources[i].resource_name == resources[k].resource_name;
      if (is_same) repeated.insert({i, k});
    }
  }
  return repeated;
}

/// Error when `configs` name an option twice, or give null where `needs_value` says that there must be a value.
template <class Configs, class NeedsValue>
Result<void> check_config_names(const Configs& configs, NeedsValue needs_value) {
  std::set<std::string_view> seen;
  std::string without_value;
  for (const auto& config : configs) {
    if (!seen.insert(config.name).second) return bad_config_request("Error due to duplicate config keys");
    if (config.value || !needs_value(config)) continue;
    without_value += (without_value.empty() ? "" : ", ") + std::string(config.name);
  }
  if (without_value.empty()) return {};
  return bad_config_request("Null value not supported for : " + without_value);
}

/// Fills in what became of one resource.
template <class Row, class Resource>
void fill_config_row(Row& row, const Resource& resource, const Result<void>& outcome) {
  row.resource_type = resource.resource_type;
  row.resource_name = std::string(resource.resource_name);
  if (outcome) return;
  row.error_code = static_cast<int16_t>(kafka_code(outcome.error().code));
  row.error_message = outcome.error().message;
}

}  // namespace gregor
