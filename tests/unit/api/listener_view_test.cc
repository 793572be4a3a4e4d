#include "broker/api/listener_view.h"

#include <gtest/gtest.h>

#include "broker/protocol/fetch.h"

namespace gregor {
namespace {

/// Brokers 1 and 2 have both listeners, 3 has only the internal one.
ClusterImage cluster() {
  ClusterImage image;
  std::map<BrokerId, BrokerImage> brokers;
  for (int32_t id : {1, 2, 3}) {
    BrokerImage& broker = brokers[BrokerId(id)];
    broker.id = BrokerId(id);
    broker.endpoints.push_back({"INTERNAL", "in", 9000 + id, 0});
    if (id != 3) broker.endpoints.push_back({"PUBLIC", "out", 9100 + id, 0});
  }
  brokers[BrokerId(2)].rack = "r2";
  image.set_brokers(std::move(brokers));
  return image;
}

TEST(ListenerView, ShowsTheBrokersThatHaveTheClientsListener) {
  ClusterImage image = cluster();
  auto reachable = reachable_brokers(image, "PUBLIC");
  ASSERT_EQ(reachable.size(), 2u);
  EXPECT_EQ(reachable[0].endpoint.port, 9101);
  EXPECT_EQ(reachable[1].rack, "r2");
  EXPECT_EQ(reachable_brokers(image, "INTERNAL").size(), 3u);
  EXPECT_TRUE(reachable_brokers(image, "NONE").empty());
}

TEST(ListenerView, OneBrokerIsReachedOnlyAliveAndByThatListener) {
  ClusterImage image = cluster();
  EXPECT_EQ(reachable_broker(image, BrokerId(1), "PUBLIC")->endpoint.host, "out");
  EXPECT_FALSE(reachable_broker(image, BrokerId(3), "PUBLIC").has_value());
  EXPECT_FALSE(reachable_broker(image, BrokerId(4), "PUBLIC").has_value());
  EXPECT_FALSE(reachable_broker(image, kNoBroker, "PUBLIC").has_value());
}

TEST(ListenerView, LeaderIsNamedOnceInAResponse) {
  ClusterImage image = cluster();
  protocol::FetchResponse response;
  add_node_endpoint(response, image, BrokerId(2), "PUBLIC");
  add_node_endpoint(response, image, BrokerId(2), "PUBLIC");
  add_node_endpoint(response, image, BrokerId(3), "PUBLIC");
  add_node_endpoint(response, image, kNoBroker, "PUBLIC");
  ASSERT_EQ(response.node_endpoints.size(), 1u);
  EXPECT_EQ(response.node_endpoints[0].node_id, 2);
  EXPECT_EQ(response.node_endpoints[0].port, 9102);
  EXPECT_EQ(response.node_endpoints[0].rack, "r2");
}

TEST(ListenerView, TopicsOfTheCoordinatorsAreInternal) {
  EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
  EXPECT_TRUE(is_internal_topic("__transaction_state"));
  EXPECT_FALSE(is_internal_topic("__consumer_offsets_"));
}

}  // namespace
}  // namespace gregor
