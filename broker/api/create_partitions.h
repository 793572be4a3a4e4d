#pragma once

#include "broker/api/api.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_admin.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/create_partitions.h"

namespace gregor {

/// CreatePartitions: versions 0 to 3. Answered by the controller, once the new partitions have leaders, or with
/// REQUEST_TIMED_OUT.
class CreatePartitionsApi final
    : public TypedApi<protocol::CreatePartitionsRequest, protocol::CreatePartitionsResponse> {
 public:
  CreatePartitionsApi(const Controller& controller, TopicAdmin& admin, MetadataCache& metadata, Shard& admin_shard)
      : controller_(controller), admin_(admin), metadata_(metadata), admin_shard_(admin_shard) {}

 protected:
  Task<protocol::CreatePartitionsResponse> answer(RequestContext context,
                                                  protocol::CreatePartitionsRequest request) override;

 private:
  using Request = protocol::CreatePartitionsRequest;
  using Response = protocol::CreatePartitionsResponse;

  Task<Response> create_all(Request request, std::stop_token gone);
  Task<Response::TopicResult> create_one(Request::Topic wanted, Duration timeout, bool validate_only,
                                         std::stop_token gone);

  const Controller& controller_;
  TopicAdmin& admin_;
  MetadataCache& metadata_;
  Shard& admin_shard_;
};

}  // namespace gregor
