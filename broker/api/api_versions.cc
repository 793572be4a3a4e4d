#include "broker/api/api_versions.h"

#include <algorithm>
#include <cctype>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

/// Letters and digits, with `-` and `.` between them; what clients may call themselves since version 3 (KIP-511).
bool is_software_name(std::string_view text) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && is_word(text.front()) && is_word(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_word(c) || c == '-' || c == '.'; });
}

protocol::ApiVersionsResponse::Api describe(protocol::ApiKey key) {
  const protocol::ApiInfo& info = *protocol::find_api(static_cast<int16_t>(key));
  protocol::ApiVersionsResponse::Api row;
  row.api_key = static_cast<int16_t>(key);
  row.min_version = info.min_version;
  row.max_version = info.max_version;
  return row;
}

}  // namespace

Task<protocol::ApiVersionsResponse> ApiVersionsApi::answer(RequestContext context,
                                                           protocol::ApiVersionsRequest request) {
  protocol::ApiVersionsResponse response;
  if (context.version() >= 3 &&
      (!is_software_name(request.client_software_name) || !is_software_name(request.client_software_version))) {
    response.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
    co_return response;
  }
  for (const auto& api : registry_.all()) response.api_keys.push_back(describe(api->key()));
  co_return response;
}

Reply unsupported_api_versions_reply(const RequestContext& context) {
  protocol::ApiVersionsResponse response;
  response.error_code = static_cast<int16_t>(ErrorCode::unsupported_version);
  response.api_keys.push_back(describe(protocol::ApiKey::api_versions));
  return Reply::send(outgoing(protocol::response_frame(response, 0, context.header.correlation_id)));
}

}  // namespace gregor
