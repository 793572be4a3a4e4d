#include "broker/protocol/api_info.h"

#include <algorithm>

namespace gregor::protocol {

const ApiInfo* find_api(int16_t key) {
  auto apis = all_apis();
  auto found = std::ranges::lower_bound(apis, ApiKey(key), {}, &ApiInfo::key);
  return found != apis.end() && found->key == ApiKey(key) ? &*found : nullptr;
}

std::string_view name_of(ApiKey key) {
  const ApiInfo* api = find_api(static_cast<int16_t>(key));
  return api ? api->name : "unknown API";
}

int16_t request_header_version(const ApiInfo& api, int16_t version) {
  // The oldest controlled shutdown came without a client id.
  if (api.key == ApiKey::controlled_shutdown && version == 0) return 0;
  return version >= api.first_flexible_version ? 2 : 1;
}

int16_t response_header_version(const ApiInfo& api, int16_t version) {
  // KIP-511: a client that asked in a version unknown to the broker must be able to read the answer's header.
  if (api.key == ApiKey::api_versions) return 0;
  return version >= api.first_flexible_version ? 1 : 0;
}

}  // namespace gregor::protocol
