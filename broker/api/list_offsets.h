#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/list_offsets.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// ListOffsets: versions 0 to 9, from consumers and replicas.
class ListOffsetsApi final : public TypedApi<protocol::ListOffsetsRequest, protocol::ListOffsetsResponse> {
 public:
  ListOffsetsApi(Partitions& partitions, const MetadataCache& metadata)
      : partitions_(partitions), metadata_(metadata) {}

 protected:
  Task<protocol::ListOffsetsResponse> answer(RequestContext context, protocol::ListOffsetsRequest request) override;

 private:
  using Request = protocol::ListOffsetsRequest;
  using Response = protocol::ListOffsetsResponse;

  Task<Response::Partition> answer_one(std::string_view topic, Request::Partition wanted, int16_t version,
                                       OffsetsReader reader);
  Response::Partition look_up(TopicPartitionView name, const Request::Partition& wanted, int16_t version,
                              OffsetsReader reader);

  Partitions& partitions_;
  const MetadataCache& metadata_;
};

}  // namespace gregor
