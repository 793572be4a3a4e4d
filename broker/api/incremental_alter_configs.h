#pragma once

#include "broker/api/api.h"
#include "broker/controller/config_admin.h"
#include "broker/protocol/incremental_alter_configs.h"

namespace gregor {

/// IncrementalAlterConfigs: versions 0 and 1, of topics, of this broker, of the whole cluster and of this broker's
/// loggers.
class IncrementalAlterConfigsApi final
    : public TypedApi<protocol::IncrementalAlterConfigsRequest, protocol::IncrementalAlterConfigsResponse> {
 public:
  IncrementalAlterConfigsApi(ConfigAdmin& admin, Shard& admin_shard) : admin_(admin), admin_shard_(admin_shard) {}

 protected:
  Task<protocol::IncrementalAlterConfigsResponse> answer(RequestContext context,
                                                         protocol::IncrementalAlterConfigsRequest request) override;

 private:
  using Request = protocol::IncrementalAlterConfigsRequest;
  using Response = protocol::IncrementalAlterConfigsResponse;

  Task<Response> alter_all(Request request);
  Task<Result<void>> alter_one(Request::Resource resource, bool validate_only);

  ConfigAdmin& admin_;
  Shard& admin_shard_;
};

}  // namespace gregor
