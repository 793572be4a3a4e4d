#pragma once

#include "broker/api/api.h"
#include "broker/controller/config_admin.h"
#include "broker/protocol/alter_configs.h"

namespace gregor {

/// AlterConfigs: versions 0 to 2, of topics, of this broker and of the whole cluster. What the request does not
/// name is set no more.
class AlterConfigsApi final : public TypedApi<protocol::AlterConfigsRequest, protocol::AlterConfigsResponse> {
 public:
  AlterConfigsApi(ConfigAdmin& admin, Shard& admin_shard) : admin_(admin), admin_shard_(admin_shard) {}

 protected:
  Task<protocol::AlterConfigsResponse> answer(RequestContext context,
                                              protocol::AlterConfigsRequest request) override;

 private:
  using Request = protocol::AlterConfigsRequest;
  using Response = protocol::AlterConfigsResponse;

  Task<Response> alter_all(Request request);
  Task<Result<void>> alter_one(Request::Resource resource, bool validate_only);

  ConfigAdmin& admin_;
  Shard& admin_shard_;
};

}  // namespace gregor
