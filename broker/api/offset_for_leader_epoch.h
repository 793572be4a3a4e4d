#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/offset_for_leader_epoch.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// OffsetForLeaderEpoch: versions 0 to 4 (KIP-101, KIP-320).
class OffsetForLeaderEpochApi final
    : public TypedApi<protocol::OffsetForLeaderEpochRequest, protocol::OffsetForLeaderEpochResponse> {
 public:
  OffsetForLeaderEpochApi(Partitions& partitions, const MetadataCache& metadata)
      : partitions_(partitions), metadata_(metadata) {}

 protected:
  Task<protocol::OffsetForLeaderEpochResponse> answer(RequestContext context,
                                                      protocol::OffsetForLeaderEpochRequest request) override;

 private:
  using Request = protocol::OffsetForLeaderEpochRequest;
  using Response = protocol::OffsetForLeaderEpochResponse;

  Task<Response::Partition> answer_one(std::string_view topic, Request::Partition wanted);
  Response::Partition look_up(TopicPartitionView name, const Request::Partition& wanted);

  Partitions& partitions_;
  const MetadataCache& metadata_;
};

}  // namespace gregor
