#include "broker/controller/control_requests.h"

#include <algorithm>

#include "broker/protocol/frame.h"
#include "broker/protocol/leader_and_isr.h"
#include "broker/protocol/stop_replica.h"
#include "broker/protocol/update_metadata.h"

namespace gregor {
namespace {

// What Kafka 3.9 sends at its own inter.broker.protocol.version.
constexpr int16_t kLeaderAndIsrVersion = 7;
constexpr int16_t kUpdateMetadataVersion = 8;
constexpr int16_t kStopReplicaVersion = 4;
constexpr BrokerId kLeaderDuringDelete{-2};
constexpr LeaderEpoch kEpochDuringDelete{-2};

std::vector<int32_t> raw(const std::vector<BrokerId>& ids) {
  std::vector<int32_t> numbers;
  for (BrokerId id : ids) numbers.push_back(id.value);
  return numbers;
}

bool has_replica(const PartitionAssignment& partition, BrokerId broker) {
  return std::find(partition.replicas.begin(), partition.replicas.end(), broker) != partition.replicas.end();
}

/// The request's row for `topic`, the last one when it is the same: partitions come sorted by topic.
template <class Topics>
auto& topic_row(Topics& topics, const std::string& name, const Uuid& id) {
  if (topics.empty() || topics.back().topic_name != name) {
    auto& row = topics.emplace_back();
    row.topic_name = name;
    row.topic_id = id;
  }
  return topics.back();
}

protocol::LeaderAndIsrRequest::PartitionState leader_state(int32_t index, const PartitionAssignment& partition) {
  protocol::LeaderAndIsrRequest::PartitionState row;
  row.partition_index = index;
  row.controller_epoch = partition.state->controller_epoch.value;
  row.leader = partition.state->leader.value;
  row.leader_epoch = partition.state->leader_epoch.value;
  row.isr = raw(partition.state->in_sync);
  row.partition_epoch = partition.state->znode_version;
  row.replicas = raw(partition.replicas);
  return row;
}

protocol::UpdateMetadataRequest::PartitionState metadata_state(int32_t index, const PartitionAssignment& partition,
                                                               const ControllerContext& context, bool is_deleted) {
  protocol::UpdateMetadataRequest::PartitionState row;
  row.partition_index = index;
  row.controller_epoch = partition.state ? partition.state->controller_epoch.value : context.epoch.value;
  row.leader = is_deleted ? kLeaderDuringDelete.value : partition.state->leader.value;
  row.leader_epoch = is_deleted ? kEpochDuringDelete.value : partition.state->leader_epoch.value;
  if (partition.state) row.isr = raw(partition.state->in_sync);
  row.zk_version = partition.state ? partition.state->znode_version : 0;
  row.replicas = raw(partition.replicas);
  for (BrokerId replica : partition.replicas) {
    if (!context.is_live(replica)) row.offline_replicas.push_back(replica.value);
  }
  return row;
}

std::vector<protocol::UpdateMetadataRequest::LiveBroker> live_broker_rows(const ControllerContext& context) {
  std::vector<protocol::UpdateMetadataRequest::LiveBroker> rows;
  for (const auto& [id, broker] : context.live_brokers) {
    auto& row = rows.emplace_back();
    row.id = id.value;
    for (const auto& endpoint : broker.image.endpoints) {
      auto& endpoint_row = row.endpoints.emplace_back();
      endpoint_row.host = endpoint.host;
      endpoint_row.port = endpoint.port;
      endpoint_row.listener = endpoint.listener_name;
      endpoint_row.security_protocol = endpoint.security_protocol;
    }
    if (broker.image.rack) row.rack = *broker.image.rack;
  }
  return rows;
}

const TopicAssignmentState* find_topic(const ControllerContext& context, const std::string& name) {
  auto found = context.topics.find(name);
  return found == context.topics.end() ? nullptr : &found->second;
}

}  // namespace

template <class Request>
Buffer ControlRequests::frame(const Request& request, int16_t version) {
  protocol::RequestHeader header;
  std::string client_id = std::to_string(self_.value);
  header.request_api_version = version;
  header.correlation_id = next_correlation_id_++;
  header.client_id = client_id;
  protocol::MessageWriter frame = protocol::request_frame(request, header);
  return frame.bytes().take();
}

Buffer ControlRequests::leader_and_isr(const ControllerContext& context, const LiveBroker& receiver,
                                       const std::vector<TopicPartition>& partitions,
                                       const std::set<TopicPartition>& new_partitions) {
  protocol::LeaderAndIsrRequest request;
  std::set<BrokerId> leaders;
  for (const auto& name : partitions) {
    const TopicAssignmentState* topic = find_topic(context, name.topic);
    if (topic == nullptr || !topic->partitions.contains(name.partition)) continue;
    const PartitionAssignment& partition = topic->partitions.at(name.partition);
    if (!partition.state || !has_replica(partition, receiver.image.id)) continue;
    auto row = leader_state(name.partition, partition);
    row.is_new = new_partitions.contains(name);
    topic_row(request.topic_states, name.topic, topic->id).partition_states.push_back(std::move(row));
    leaders.insert(partition.state->leader);
  }
  if (request.topic_states.empty()) return {};
  for (BrokerId leader : leaders) {
    auto broker = context.live_brokers.find(leader);
    if (broker == context.live_brokers.end()) continue;
    const BrokerEndpoint* endpoint = broker->second.image.endpoint(inter_broker_listener_);
    if (endpoint == nullptr) continue;
    auto& row = request.live_leaders.emplace_back();
    row.broker_id = leader.value;
    row.host_name = endpoint->host;
    row.port = endpoint->port;
  }
  request.controller_id = self_.value;
  request.controller_epoch = context.epoch.value;
  request.broker_epoch = receiver.epoch.value;
  return frame(request, kLeaderAndIsrVersion);
}

Buffer ControlRequests::update_metadata(const ControllerContext& context, const LiveBroker& receiver,
                                        const std::vector<TopicPartition>& partitions) {
  protocol::UpdateMetadataRequest request;
  for (const auto& name : partitions) {
    const TopicAssignmentState* topic = find_topic(context, name.topic);
    if (topic == nullptr || !topic->partitions.contains(name.partition)) continue;
    const PartitionAssignment& partition = topic->partitions.at(name.partition);
    bool is_deleted = context.topics_to_delete.contains(name.topic);
    if (!partition.state && !is_deleted) continue;
    topic_row(request.topic_states, name.topic, topic->id)
        .partition_states.push_back(metadata_state(name.partition, partition, context, is_deleted));
  }
  request.live_brokers = live_broker_rows(context);
  request.controller_id = self_.value;
  request.controller_epoch = context.epoch.value;
  request.broker_epoch = receiver.epoch.value;
  return frame(request, kUpdateMetadataVersion);
}

Buffer ControlRequests::delete_replicas(const ControllerContext& context, const LiveBroker& receiver,
                                        const std::string& topic) {
  protocol::StopReplicaRequest request;
  auto& row = request.topic_states.emplace_back();
  row.topic_name = topic;
  for (const auto& [index, partition] : context.topics.at(topic).partitions) {
    if (!has_replica(partition, receiver.image.id)) continue;
    auto& partition_row = row.partition_states.emplace_back();
    partition_row.partition_index = index;
    partition_row.leader_epoch = kEpochDuringDelete.value;
    partition_row.delete_partition = true;
  }
  request.controller_id = self_.value;
  request.controller_epoch = context.epoch.value;
  request.broker_epoch = receiver.epoch.value;
  return frame(request, kStopReplicaVersion);
}

bool all_replicas_deleted(const Buffer& answer) {
  ByteReader reader(answer.view());
  const auto& api = *protocol::find_api(static_cast<int16_t>(protocol::ApiKey::stop_replica));
  auto header =
      protocol::ResponseHeader::decode(reader, protocol::response_header_version(api, kStopReplicaVersion));
  if (!header) return false;
  auto response = protocol::StopReplicaResponse::decode(reader, kStopReplicaVersion);
  return response && response->error_code == 0 &&
         std::all_of(response->partition_errors.begin(), response->partition_errors.end(),
                     [](const auto& row) { return row.error_code == 0; });
}

std::vector<TopicPartition> decided_partitions(const ControllerContext& context) {
  std::vector<TopicPartition> partitions;
  for (const auto& [name, topic] : context.topics) {
    for (const auto& [index, partition] : topic.partitions) {
      if (partition.state) partitions.push_back({name, index});
    }
  }
  return partitions;
}

}  // namespace gregor
