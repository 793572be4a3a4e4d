#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/types/ids.h"
#include "broker/types/topic_partition.h"
#include "broker/types/uuid.h"

namespace gregor {

/// Where one listener of a broker is reached.
struct BrokerEndpoint {
  std::string listener_name;
  std::string host;
  int32_t port = 0;
  int16_t security_protocol = 0;

  friend bool operator==(const BrokerEndpoint&, const BrokerEndpoint&) = default;
};

/// A live broker.
struct BrokerImage {
  BrokerId id = kNoBroker;
  std::vector<BrokerEndpoint> endpoints;
  std::optional<std::string> rack;

  const BrokerEndpoint* endpoint(std::string_view listener_name) const;
  friend bool operator==(const BrokerImage&, const BrokerImage&) = default;
};

/// The controller's word on one partition.
struct PartitionImage {
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch{-1};
  ControllerEpoch controller_epoch{0};
  int32_t partition_epoch = 0;  ///< version of the partition's state znode
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> in_sync;
  std::vector<BrokerId> offline_replicas;

  friend bool operator==(const PartitionImage&, const PartitionImage&) = default;
};

/// A topic and those of its partitions that the controller has told of, by number.
struct TopicImage {
  std::string name;
  Uuid id;
  std::map<int32_t, PartitionImage> partitions;

  /// Null when there is no such partition.
  const PartitionImage* partition(int32_t index) const;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// A picture of the cluster as the controller last described it: live brokers, topics, leaders. Immutable once it
/// is shared; a new one shares the topics that did not change.
class ClusterImage {
 public:
  using Topics = std::unordered_map<std::string, std::shared_ptr<const TopicImage>, StringHash, std::equal_to<>>;

  const std::map<BrokerId, BrokerImage>& brokers() const { return brokers_; }
  const Topics& topics() const { return topics_; }
  BrokerId controller() const { return controller_; }

  /// Null when there is no such topic, as with the next two.
  const TopicImage* topic(std::string_view name) const;
  const TopicImage* topic(const Uuid& id) const;
  const PartitionImage* partition(TopicPartitionView name) const;
  const BrokerImage* broker(BrokerId id) const;

  // The way to a new picture: copy, change, share.
  void set_controller(BrokerId controller) { controller_ = controller; }
  void set_brokers(std::map<BrokerId, BrokerImage> brokers) { brokers_ = std::move(brokers); }
  void set_topic(std::shared_ptr<const TopicImage> topic);
  void remove_topic(std::string_view name);

 private:
  BrokerId controller_ = kNoBroker;
  std::map<BrokerId, BrokerImage> brokers_;
  Topics topics_;
  std::unordered_map<Uuid, std::shared_ptr<const TopicImage>> topics_by_id_;
};

}  // namespace gregor
