#pragma once

#include <set>
#include <string>
#include <vector>

#include "broker/controller/controller_context.h"
#include "runtime/buffer.h"

namespace gregor {

/// Makes the controller's requests, as whole frames, out of what it knows. Pure.
class ControlRequests {
 public:
  ControlRequests(BrokerId self, const std::string& inter_broker_listener)
      : self_(self), inter_broker_listener_(inter_broker_listener) {}

  /// LeaderAndIsr: those of `partitions` that `receiver` has a replica of; an empty buffer when there are none.
  Buffer leader_and_isr(const ControllerContext& context, const LiveBroker& receiver,
                        const std::vector<TopicPartition>& partitions,
                        const std::set<TopicPartition>& new_partitions);
  /// UpdateMetadata: all live brokers, and `partitions`; those of a topic that is being deleted as gone.
  Buffer update_metadata(const ControllerContext& context, const LiveBroker& receiver,
                         const std::vector<TopicPartition>& partitions);
  /// StopReplica: deletes the replicas of `topic` that `receiver` has.
  Buffer delete_replicas(const ControllerContext& context, const LiveBroker& receiver, const std::string& topic);

 private:
  template <class Request>
  Buffer frame(const Request& request, int16_t version);

  const BrokerId self_;
  const std::string inter_broker_listener_;
  int32_t next_correlation_id_ = 0;
};

/// Every partition of the context that has a leader and in-sync set.
std::vector<TopicPartition> decided_partitions(const ControllerContext& context);

/// Whether the answer to delete_replicas says that all of them are gone.
bool all_replicas_deleted(const Buffer& answer);

}  // namespace gregor
