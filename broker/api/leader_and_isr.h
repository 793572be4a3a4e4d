#pragma once

#include "broker/api/api.h"
#include "broker/config/live_config.h"
#include "broker/coordination/zookeeper.h"
#include "broker/protocol/leader_and_isr.h"
#include "broker/replica/control_state.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// LeaderAndIsr: versions 0 to 7, from the controller: which partitions this broker has and leads.
class LeaderAndIsrApi final : public TypedApi<protocol::LeaderAndIsrRequest, protocol::LeaderAndIsrResponse> {
 public:
  LeaderAndIsrApi(Partitions& partitions, ControlState& control, ZooKeeper& zookeeper, const LiveConfig& config,
                  Shard& control_shard)
      : partitions_(partitions),
        control_(control),
        zookeeper_(zookeeper),
        config_(config),
        control_shard_(control_shard) {}

 protected:
  Task<protocol::LeaderAndIsrResponse> answer(RequestContext context,
                                              protocol::LeaderAndIsrRequest request) override;

 private:
  using Request = protocol::LeaderAndIsrRequest;
  using Response = protocol::LeaderAndIsrResponse;

  Task<Response> apply(Request request);

  Partitions& partitions_;
  ControlState& control_;
  ZooKeeper& zookeeper_;
  const LiveConfig& config_;
  Shard& control_shard_;
};

}  // namespace gregor
