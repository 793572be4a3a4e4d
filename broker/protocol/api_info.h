#pragma once

#include <climits>
#include <cstdint>
#include <span>
#include <string_view>

#include "broker/protocol/api_key.h"

namespace gregor::protocol {

/// One API that the broker knows: its versions are those that it advertises.
struct ApiInfo {
  ApiKey key;
  std::string_view name;
  int16_t min_version;
  int16_t max_version;
  /// INT16_MAX when no version is flexible.
  int16_t first_flexible_version;

  bool supports(int16_t version) const { return version >= min_version && version <= max_version; }
};

/// Every API, by rising key.
std::span<const ApiInfo> all_apis();
/// The API with the number `key`, or null.
const ApiInfo* find_api(int16_t key);
/// Kafka's name of the API, for example `ListOffsets`.
std::string_view name_of(ApiKey key);

/// The versions of RequestHeader and ResponseHeader that go with `version` of an API, supported or not.
int16_t request_header_version(const ApiInfo& api, int16_t version);
int16_t response_header_version(const ApiInfo& api, int16_t version);

}  // namespace gregor::protocol
