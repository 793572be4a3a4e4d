#include "broker/metadata/cluster_image.h"

#include <algorithm>

namespace gregor {

const BrokerEndpoint* BrokerImage::endpoint(std::string_view listener_name) const {
  auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const BrokerEndpoint& candidate) {
    return candidate.listener_name == listener_name;
  });
  return found == endpoints.end() ? nullptr : &*found;
}

const PartitionImage* TopicImage::partition(int32_t index) const {
  auto found = partitions.find(index);
  return found == partitions.end() ? nullptr : &found->second;
}

const TopicImage* ClusterImage::topic(std::string_view name) const {
  auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

const TopicImage* ClusterImage::topic(const Uuid& id) const {
  auto found = topics_by_id_.find(id);
  return found == topics_by_id_.end() ? nullptr : found->second.get();
}

const PartitionImage* ClusterImage::partition(TopicPartitionView name) const {
  const TopicImage* found = topic(name.topic);
  return found == nullptr ? nullptr : found->partition(name.partition);
}

const BrokerImage* ClusterImage::broker(BrokerId id) const {
  auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

void ClusterImage::set_topic(std::shared_ptr<const TopicImage> topic) {
  remove_topic(topic->name);
  if (!topic->id.is_zero()) topics_by_id_[topic->id] = topic;
  std::string name = topic->name;
  topics_[std::move(name)] = std::move(topic);
}

void ClusterImage::remove_topic(std::string_view name) {
  auto found = topics_.find(name);
  if (found == topics_.end()) return;
  topics_by_id_.erase(found->second->id);
  topics_.erase(found);
}

}  // namespace gregor
