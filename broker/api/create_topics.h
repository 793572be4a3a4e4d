#pragma once

#include "broker/api/api.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_admin.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/create_topics.h"

namespace gregor {

/// CreateTopics: versions 0 to 7. Answered by the controller, once the topics have leaders and this broker's
/// metadata shows them, or with REQUEST_TIMED_OUT when that takes longer than the client would wait.
class CreateTopicsApi final : public TypedApi<protocol::CreateTopicsRequest, protocol::CreateTopicsResponse> {
 public:
  CreateTopicsApi(const Controller& controller, TopicAdmin& admin, MetadataCache& metadata,
                  const LiveConfig& config, Shard& admin_shard)
      : controller_(controller), admin_(admin), metadata_(metadata), config_(config), admin_shard_(admin_shard) {}

 protected:
  Task<protocol::CreateTopicsResponse> answer(RequestContext context,
                                              protocol::CreateTopicsRequest request) override;

 private:
  using Request = protocol::CreateTopicsRequest;
  using Response = protocol::CreateTopicsResponse;

  Task<Response> create_all(Request request, std::stop_token gone);
  Task<Response::Topic> create_one(Request::Topic wanted, bool validate_only);
  Task<void> await_leaders(Response& response, Duration timeout, std::stop_token gone);

  const Controller& controller_;
  TopicAdmin& admin_;
  MetadataCache& metadata_;
  const LiveConfig& config_;
  Shard& admin_shard_;
};

}  // namespace gregor
