#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/update_metadata.h"
#include "broker/replica/control_state.h"

namespace gregor {

/// UpdateMetadata: versions 0 to 8, from the controller: the live brokers, and the partitions that changed.
class UpdateMetadataApi final : public TypedApi<protocol::UpdateMetadataRequest, protocol::UpdateMetadataResponse> {
 public:
  UpdateMetadataApi(MetadataCache& metadata, ControlState& control, Shard& control_shard)
      : metadata_(metadata), control_(control), control_shard_(control_shard) {}

 protected:
  Task<protocol::UpdateMetadataResponse> answer(RequestContext context,
                                                protocol::UpdateMetadataRequest request) override;

 private:
  Task<protocol::UpdateMetadataResponse> apply(protocol::UpdateMetadataRequest request);

  MetadataCache& metadata_;
  ControlState& control_;
  Shard& control_shard_;
};

/// `image` with what `request` changes: all brokers are replaced, partitions are merged into their topics, and a
/// partition whose leader is -2 is gone.
ClusterImage updated_image(ClusterImage image, const protocol::UpdateMetadataRequest& request);

}  // namespace gregor
