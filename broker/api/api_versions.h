#pragma once

#include "broker/api/dispatcher.h"
#include "broker/protocol/api_versions.h"

namespace gregor {

/// ApiVersions: versions 0 to 4. Answered from the registry of what is served. Features are a matter of KRaft:
/// empty.
class ApiVersionsApi final : public TypedApi<protocol::ApiVersionsRequest, protocol::ApiVersionsResponse> {
 public:
  explicit ApiVersionsApi(const ApiRegistry& registry) : registry_(registry) {}

 protected:
  Task<protocol::ApiVersionsResponse> answer(RequestContext context, protocol::ApiVersionsRequest request) override;

 private:
  const ApiRegistry& registry_;
};

/// The answer to a version that we don't know: UNSUPPORTED_VERSION in version 0, naming the versions that we do.
Reply unsupported_api_versions_reply(const RequestContext& context);

}  // namespace gregor
