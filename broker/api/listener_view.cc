#include "broker/api/listener_view.h"

namespace gregor {

std::vector<ReachableBroker> reachable_brokers(const ClusterImage& image, std::string_view listener_name) {
  std::vector<ReachableBroker> brokers;
  for (const auto& [id, broker] : image.brokers()) {
    if (const auto* endpoint = broker.endpoint(listener_name)) brokers.push_back({id, *endpoint, broker.rack});
  }
  return brokers;
}

std::optional<ReachableBroker> reachable_broker(const ClusterImage& image, BrokerId id,
                                                std::string_view listener_name) {
  const BrokerImage* broker = image.broker(id);
  if (broker == nullptr) return std::nullopt;
  const BrokerEndpoint* endpoint = broker->endpoint(listener_name);
  if (endpoint == nullptr) return std::nullopt;
  return ReachableBroker{id, *endpoint, broker->rack};
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state";
}

}  // namespace gregor
