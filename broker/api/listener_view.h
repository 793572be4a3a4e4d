#pragma once

#include <string_view>
#include <vector>

#include "broker/metadata/cluster_image.h"

namespace gregor {

/// A broker as a client of one listener reaches it.
struct ReachableBroker {
  BrokerId id;
  const BrokerEndpoint& endpoint;
  const std::optional<std::string>& rack;
};

/// The live brokers that have the listener `listener_name`, by id. Views into `image`.
std::vector<ReachableBroker> reachable_brokers(const ClusterImage& image, std::string_view listener_name);
/// The same for one broker; none when it is not alive or has no such listener.
std::optional<ReachableBroker> reachable_broker(const ClusterImage& image, BrokerId id,
                                                std::string_view listener_name);

/// Topics that only brokers write to.
bool is_internal_topic(std::string_view name);

/// Every operation that there is on a resource, as the bits of authorized_operations: what anybody may do when no
/// authorizer is configured (KIP-430).
inline constexpr int32_t kAllTopicOperations =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr int32_t kAllClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Tells the clients of a response that carries it (KIP-951) how to reach `leader`.
template <class Response>
void add_node_endpoint(Response& response, const ClusterImage& image, BrokerId leader,
                       std::string_view listener_name) {
  for (const auto& known : response.node_endpoints) {
    if (known.node_id == leader.value) return;
  }
  auto broker = reachable_broker(image, leader, listener_name);
  if (!broker) return;
  auto& row = response.node_endpoints.emplace_back();
  row.node_id = leader.value;
  row.host = broker->endpoint.host;
  row.port = broker->endpoint.port;
  row.rack = broker->rack;
}

}  // namespace gregor
