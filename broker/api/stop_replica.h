#pragma once

#include "broker/api/api.h"
#include "broker/protocol/stop_replica.h"
#include "broker/replica/control_state.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// StopReplica: versions 0 to 4, from the controller: partitions that this broker is to give up, and mostly to
/// delete.
class StopReplicaApi final : public TypedApi<protocol::StopReplicaRequest, protocol::StopReplicaResponse> {
 public:
  StopReplicaApi(Partitions& partitions, ControlState& control, Shard& control_shard)
      : partitions_(partitions), control_(control), control_shard_(control_shard) {}

 protected:
  Task<protocol::StopReplicaResponse> answer(RequestContext context, protocol::StopReplicaRequest request) override;

 private:
  Task<protocol::StopReplicaResponse> apply(protocol::StopReplicaRequest request);

  Partitions& partitions_;
  ControlState& control_;
  Shard& control_shard_;
};

}  // namespace gregor
