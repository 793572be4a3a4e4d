#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/delete_records.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// DeleteRecords: versions 0 to 2. Raises the start of logs; answered for every partition with where its log starts
/// now.
class DeleteRecordsApi final : public TypedApi<protocol::DeleteRecordsRequest, protocol::DeleteRecordsResponse> {
 public:
  DeleteRecordsApi(Partitions& partitions, const MetadataCache& metadata)
      : partitions_(partitions), metadata_(metadata) {}

 protected:
  Task<protocol::DeleteRecordsResponse> answer(RequestContext context,
                                               protocol::DeleteRecordsRequest request) override;

 private:
  using Request = protocol::DeleteRecordsRequest;
  using Response = protocol::DeleteRecordsResponse;

  Result<Offset> delete_from(TopicPartitionView name, Offset up_to);

  Partitions& partitions_;
  const MetadataCache& metadata_;
};

}  // namespace gregor
