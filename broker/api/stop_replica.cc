#include "broker/api/stop_replica.h"

namespace gregor {
namespace {

using Request = protocol::StopReplicaRequest;
using Response = protocol::StopReplicaResponse;

struct Stop {
  TopicPartition name;
  LeaderEpoch leader_epoch;
  bool deletes = false;
};

// Kafka's sentinel: the topic is being deleted, whatever the epoch.
constexpr LeaderEpoch kEpochDuringDelete{-2};

std::vector<Stop> stops_of(const Request& request) {
  std::vector<Stop> stops;
  for (const auto& wire : request.ungrouped_partitions) {
    stops.push_back({{std::string(wire.topic_name), wire.partition_index}, kNoEpoch, request.delete_partitions});
  }
  for (const auto& topic : request.topics) {
    for (int32_t index : topic.partition_indexes) {
      stops.push_back({{std::string(topic.name), index}, kNoEpoch, request.delete_partitions});
    }
  }
  for (const auto& topic : request.topic_states) {
    for (const auto& wire : topic.partition_states) {
      stops.push_back({{std::string(topic.topic_name), wire.partition_index},
                       LeaderEpoch(wire.leader_epoch),
                       wire.delete_partition});
    }
  }
  return stops;
}

/// fenced_leader_epoch when the partition has seen a later leader than the sender of `stop` knows.
ErrorCode suspend(Partitions& partitions, const Stop& stop) {
  Partition* partition = partitions.find(stop.name);
  if (partition == nullptr) {
    partitions.suspend_unavailable(stop.name);
    return ErrorCode::none;
  }
  bool is_checked = stop.leader_epoch != kNoEpoch && stop.leader_epoch != kEpochDuringDelete;
  if (is_checked && stop.leader_epoch < partition->leader_epoch()) return ErrorCode::fenced_leader_epoch;
  partition->suspend();
  return ErrorCode::none;
}

}  // namespace

Task<Response> StopReplicaApi::answer(RequestContext, Request request) {
  Response response = co_await run_on(control_shard_, apply(std::move(request)));
  co_return response;
}

Task<Response> StopReplicaApi::apply(Request request) {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  ErrorCode admitted = control_.admit(ControllerEpoch(request.controller_epoch), BrokerEpoch(request.broker_epoch));
  Response response;
  response.error_code = static_cast<int16_t>(admitted);
  if (admitted != ErrorCode::none) co_return response;
  std::vector<Stop> stops = stops_of(request);
  for (const Stop& stop : stops) {
    auto suspend_it = [this, &stop] { return suspend(partitions_, stop); };
    ErrorCode error = co_await on(partitions_.shard_of(stop.name), suspend_it);
    if (error == ErrorCode::none && stop.deletes) error = co_await partitions_.remove(stop.name);
    Response::PartitionError row;
    row.topic_name = stop.name.topic;
    row.partition_index = stop.name.partition;
    row.error_code = static_cast<int16_t>(error);
    response.partition_errors.push_back(std::move(row));
  }
  co_return response;
}

}  // namespace gregor
