#include "broker/api/update_metadata.h"

namespace gregor {
namespace {

using Request = protocol::UpdateMetadataRequest;
using Response = protocol::UpdateMetadataResponse;

// Kafka's sentinel for the leader of a partition that is being deleted.
constexpr BrokerId kLeaderDuringDelete{-2};

std::vector<BrokerId> brokers(const std::vector<int32_t>& raw) {
  std::vector<BrokerId> ids;
  for (int32_t id : raw) ids.emplace_back(id);
  return ids;
}

/// Before listeners had names each went by its security protocol.
std::string listener_name(const Request::Endpoint& endpoint) {
  if (!endpoint.listener.empty()) return std::string(endpoint.listener);
  constexpr const char* kProtocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
  auto index = static_cast<size_t>(endpoint.security_protocol);
  return index < std::size(kProtocols) ? kProtocols[index] : "";
}

BrokerImage broker_of(const Request::LiveBroker& wire) {
  BrokerImage broker;
  broker.id = BrokerId(wire.id);
  if (wire.rack) broker.rack = std::string(*wire.rack);
  if (!wire.v0_host.empty()) broker.endpoints.push_back({"PLAINTEXT", std::string(wire.v0_host), wire.v0_port, 0});
  for (const auto& endpoint : wire.endpoints) {
    broker.endpoints.push_back(
        {listener_name(endpoint), std::string(endpoint.host), endpoint.port, endpoint.security_protocol});
  }
  return broker;
}

PartitionImage partition_of(const Request::PartitionState& wire) {
  PartitionImage partition;
  partition.leader = BrokerId(wire.leader);
  partition.leader_epoch = LeaderEpoch(wire.leader_epoch);
  partition.controller_epoch = ControllerEpoch(wire.controller_epoch);
  partition.partition_epoch = wire.zk_version;
  partition.replicas = brokers(wire.replicas);
  partition.in_sync = brokers(wire.isr);
  partition.offline_replicas = brokers(wire.offline_replicas);
  return partition;
}

/// The topics that a request touches, copied once from the picture and changed partition by partition.
class TopicChanges {
 public:
  explicit TopicChanges(ClusterImage& image) : image_(image) {}

  void merge(std::string_view name, const Uuid& id, const Request::PartitionState& wire) {
    TopicImage& topic = changed(name, id);
    if (BrokerId(wire.leader) == kLeaderDuringDelete) {
      topic.partitions.erase(wire.partition_index);
    } else {
      topic.partitions[wire.partition_index] = partition_of(wire);
    }
  }

  void finish() {
    for (auto& [name, topic] : topics_) {
      if (topic->partitions.empty()) {
        image_.remove_topic(name);
      } else {
        image_.set_topic(std::move(topic));
      }
    }
  }

 private:
  TopicImage& changed(std::string_view name, const Uuid& id) {
    auto found = topics_.find(name);
    if (found != topics_.end()) return *found->second;
    const TopicImage* known = image_.topic(name);
    // Another id under the same name is another topic: nothing of the old one is kept.
    bool is_same = known != nullptr && (id.is_zero() || known->id == id);
    auto topic = is_same ? std::make_shared<TopicImage>(*known) : std::make_shared<TopicImage>();
    topic->name = std::string(name);
    if (!id.is_zero()) topic->id = id;
    return *topics_.emplace(std::string(name), std::move(topic)).first->second;
  }

  ClusterImage& image_;
  std::map<std::string, std::shared_ptr<TopicImage>, std::less<>> topics_;
};

}  // namespace

ClusterImage updated_image(ClusterImage image, const Request& request) {
  image.set_controller(BrokerId(request.controller_id));
  std::map<BrokerId, BrokerImage> live;
  for (const auto& wire : request.live_brokers) live.emplace(BrokerId(wire.id), broker_of(wire));
  image.set_brokers(std::move(live));
  TopicChanges changes(image);
  for (const auto& wire : request.ungrouped_partition_states) changes.merge(wire.topic_name, {}, wire);
  for (const auto& topic : request.topic_states) {
    for (const auto& wire : topic.partition_states) changes.merge(topic.topic_name, topic.topic_id, wire);
  }
  changes.finish();
  return image;
}

Task<Response> UpdateMetadataApi::answer(RequestContext, Request request) {
  Response response = co_await run_on(control_shard_, apply(std::move(request)));
  co_return response;
}

Task<Response> UpdateMetadataApi::apply(Request request) {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  ErrorCode admitted = control_.admit(ControllerEpoch(request.controller_epoch), BrokerEpoch(request.broker_epoch));
  Response response;
  response.error_code = static_cast<int16_t>(admitted);
  if (admitted != ErrorCode::none) co_return response;
  auto image = std::make_shared<const ClusterImage>(updated_image(metadata_.image(), request));
  co_await metadata_.publish(std::move(image));
  co_return response;
}

}  // namespace gregor
