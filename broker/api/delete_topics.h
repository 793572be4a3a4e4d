#pragma once

#include "broker/api/api.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_admin.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/delete_topics.h"

namespace gregor {

/// DeleteTopics: versions 0 to 6, by name and by id. Answered by the controller, once nothing is left of the
/// topics, so that topics of the same names can be made at once, or with REQUEST_TIMED_OUT.
class DeleteTopicsApi final : public TypedApi<protocol::DeleteTopicsRequest, protocol::DeleteTopicsResponse> {
 public:
  DeleteTopicsApi(const Controller& controller, TopicAdmin& admin, MetadataCache& metadata,
                  const BrokerConfig& config, Shard& admin_shard)
      : controller_(controller), admin_(admin), metadata_(metadata), config_(config), admin_shard_(admin_shard) {}

 protected:
  Task<protocol::DeleteTopicsResponse> answer(RequestContext context,
                                              protocol::DeleteTopicsRequest request) override;

 private:
  using Request = protocol::DeleteTopicsRequest;
  using Response = protocol::DeleteTopicsResponse;

  Task<Response> delete_all(Request request, int16_t version, std::stop_token gone);
  Task<Response::TopicResult> delete_one(Request::Topic wanted, Instant deadline, int16_t version,
                                         std::stop_token gone);

  const Controller& controller_;
  TopicAdmin& admin_;
  MetadataCache& metadata_;
  const BrokerConfig& config_;
  Shard& admin_shard_;
};

}  // namespace gregor
