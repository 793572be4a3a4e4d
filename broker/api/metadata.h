#pragma once

#include <set>

#include "broker/api/api.h"
#include "broker/config/broker_config.h"
#include "broker/controller/topic_admin.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/metadata.h"
#include "broker/types/error_code.h"

namespace gregor {

/// Metadata: versions 0 to 12. Topics that are asked for by name and missing are created where the request and
/// auto.create.topics.enable allow it; the answer then waits a moment for their leaders, which spares the client a
/// round of LEADER_NOT_AVAILABLE.
class MetadataApi final : public TypedApi<protocol::MetadataRequest, protocol::MetadataResponse> {
 public:
  MetadataApi(MetadataCache& metadata, TopicAdmin& topic_admin, Shard& admin_shard, const BrokerConfig& config,
              const std::string& cluster_id)
      : metadata_(metadata),
        topic_admin_(topic_admin),
        admin_shard_(admin_shard),
        config_(config),
        cluster_id_(cluster_id) {}

 protected:
  Task<protocol::MetadataResponse> answer(RequestContext context, protocol::MetadataRequest request) override;

 private:
  using Request = protocol::MetadataRequest;
  using Response = protocol::MetadataResponse;

  bool may_create(const RequestContext& context, const Request& request) const;
  /// Creates those of the requested topics that are missing. Yields the error of each that could not be.
  Task<std::map<std::string, ErrorCode>> create_missing(std::vector<std::string> missing, std::stop_token gone);
  Task<ErrorCode> create_one(std::string name);

  MetadataCache& metadata_;
  TopicAdmin& topic_admin_;
  Shard& admin_shard_;
  const BrokerConfig& config_;
  const std::string& cluster_id_;
};

}  // namespace gregor
