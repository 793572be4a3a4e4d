#pragma once

#include "broker/api/api.h"
#include "broker/config/broker_config.h"
#include "broker/coordination/producer_ids.h"
#include "broker/protocol/init_producer_id.h"
#include "broker/types/error_code.h"

namespace gregor {

/// InitProducerId: versions 0 to 5, for idempotent producers: each gets an id of its own. Left out so far:
/// transactions; who brings a transactional id is answered unsupported_version, which every client takes as final.
class InitProducerIdApi final : public TypedApi<protocol::InitProducerIdRequest, protocol::InitProducerIdResponse> {
 public:
  /// `zookeeper_shard` is where `ids` lives.
  InitProducerIdApi(ProducerIds& ids, const BrokerConfig& config, Shard& zookeeper_shard)
      : ids_(ids), config_(config), zookeeper_shard_(zookeeper_shard) {}

 protected:
  Task<protocol::InitProducerIdResponse> answer(RequestContext context,
                                                protocol::InitProducerIdRequest request) override;

 private:
  ErrorCode problem_of(const protocol::InitProducerIdRequest& request) const;

  ProducerIds& ids_;
  const BrokerConfig& config_;
  Shard& zookeeper_shard_;
};

}  // namespace gregor
