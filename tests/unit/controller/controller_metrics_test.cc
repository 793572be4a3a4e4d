#include "broker/controller/controller_metrics.h"

#include "coordination_fixture.h"

#include "broker/protocol/frame.h"
#include "broker/protocol/leader_and_isr.h"
#include "broker/protocol/stop_replica.h"
#include "broker/protocol/update_metadata.h"
#include "tests/support/fake_peers.h"
#include "zk-schema/controller.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;

/// The metrics of broker 1's controller, in a cluster whose brokers agree to everything at once.
class ControllerMetricsTest : public CoordinationTest {
 protected:
  ControllerMetricsTest() {
    zookeeper_.on_watch([this](WatchEvent event) { controller_.on_watch(event); });
  }
  ~ControllerMetricsTest() override {
    shards_.call([this] { zookeeper_.reconnect(); });
    auto stopped = shards_.start(stop());
    shards_.advance(10s);
    EXPECT_TRUE(stopped.has_ended());
  }
  Task<bool> stop() {
    co_await controller_.stop();
    co_return true;
  }
  void start() {
    shards_.call([this] { controller_.start(); });
  }

  static Buffer answer(Bytes frame) {
    ByteReader reader(frame);
    auto header = protocol::decode_request_header(reader);
    EXPECT_TRUE(header.ok());
    auto key = static_cast<ApiKey>(header->request_api_key);
    if (key == ApiKey::stop_replica) return framed(protocol::StopReplicaResponse(), *header);
    if (key == ApiKey::leader_and_isr) return framed(protocol::LeaderAndIsrResponse(), *header);
    return framed(protocol::UpdateMetadataResponse(), *header);
  }
  template <class Response>
  static Buffer framed(const Response& response, const protocol::RequestHeader& header) {
    return protocol::response_frame(response, header.request_api_version, header.correlation_id).bytes().take();
  }

  /// The value of a series without labels, or with that of one broker; none when it is not told.
  std::optional<double> value(const std::string& name, std::optional<int32_t> broker = std::nullopt) {
    MetricPage page;
    shards_.run(metrics_.collect())(page);
    for (const auto& family : page.take()) {
      if (family.name != "kafka_controller_" + name) continue;
      for (const auto& row : family.metric) {
        bool is_of_broker = row.label.size() == 1 && row.label[0].name == "broker_id";
        bool is_wanted = broker ? is_of_broker && row.label[0].value == std::to_string(*broker) : row.label.empty();
        if (!is_wanted) continue;
        return family.type == prometheus::MetricType::Counter ? row.counter.value : row.gauge.value;
      }
    }
    return std::nullopt;
  }
  std::optional<double> of_work(const std::string& name) { return value("controllerstats_" + name); }
  std::optional<double> of_events(const std::string& name) { return value("controllereventmanager_" + name); }
  std::optional<double> of_requests(const std::string& name, std::optional<int32_t> broker = std::nullopt) {
    return value("controllerchannelmanager_" + name, broker);
  }

  testing::FakePeers network_{[](uint16_t, Bytes frame) { return answer(frame); }};
  BrokerConfig config_ = config_with({});
  Controller controller_{
      ControllerEnvironment{BrokerId(1), zookeeper_, network_, random_, shards_.clock(), config_}};
  ControllerMetrics metrics_{controller_};
};

TEST_F(ControllerMetricsTest, EachKindOfWorkIsTimedUnderItsName) {
  broker_arrives(1);
  start();
  // The election, and then the watch that the znode which it made has fired: Kafka counts both, too.
  EXPECT_EQ(of_work("controllerchangerateandtimems_count"), 2);
  EXPECT_EQ(of_work("leaderelectionrateandtimems_count"), 0)
      << "the elected looks at brokers as part of its election";
  EXPECT_EQ(of_work("topicchangerateandtimems_count"), 0);
  EXPECT_EQ(of_work("topicdeletionrateandtimems_count"), 0);
  broker_arrives(2);
  EXPECT_EQ(of_work("leaderelectionrateandtimems_count"), 1);
  topic_is_made("orders", {{1}});
  EXPECT_EQ(of_work("topicchangerateandtimems_count"), 1);
  topic_is_made("orders", {{1}, {2}});
  EXPECT_EQ(of_work("topicchangerateandtimems_count"), 2) << "new partitions count as topics do";
  put(paths::delete_topic("orders"), "");
  EXPECT_GE(of_work("topicdeletionrateandtimems_count"), 1);
  EXPECT_EQ(of_work("leaderelectionrateandtimems_count"), 1);
  EXPECT_EQ(of_work("controllerchangerateandtimems_count"), 2);
  EXPECT_EQ(of_work("uncleanleaderelections_total"), 0);
}

TEST_F(ControllerMetricsTest, WorkLastsUntilZooKeeperHasAnsweredAndEventsWaitForIt) {
  broker_arrives(1);
  start();
  double events_before = *of_events("eventqueuetimems_count");
  shards_.call([this] { zookeeper_.disconnect(); });
  topic_is_made("orders", {{1}});
  EXPECT_EQ(of_events("eventqueuesize"), 0) << "it is being looked at";
  shards_.advance(2s);
  broker_arrives(2);
  shards_.advance(1s);
  broker_arrives(3);  // the same event, which stands for both
  EXPECT_EQ(of_events("eventqueuesize"), 1);
  EXPECT_EQ(of_events("eventqueuetimems_count"), events_before + 1);
  EXPECT_EQ(of_work("topicchangerateandtimems_count"), 0) << "not before its end";
  shards_.advance(2s);
  shards_.call([this] { zookeeper_.reconnect(); });
  EXPECT_EQ(of_work("topicchangerateandtimems_count"), 1);
  EXPECT_EQ(of_work("topicchangerateandtimems_sum"), 5000);
  EXPECT_EQ(of_work("leaderelectionrateandtimems_sum"), 0);
  EXPECT_EQ(of_events("eventqueuesize"), 0);
  EXPECT_EQ(of_events("eventqueuetimems_count"), events_before + 2);
  EXPECT_EQ(of_events("eventqueuetimems_sum"), 3000);
}

TEST_F(ControllerMetricsTest, WorkThatFailedIsTimedToo) {
  zookeeper_.fail_next(paths::kTopics, ZkCode::system_error);
  start();
  EXPECT_EQ(of_work("controllerchangerateandtimems_count"), 1);
}

TEST_F(ControllerMetricsTest, WhoIsNotTheControllerTellsOfItsElectionOnly) {
  put(paths::kControllerEpoch, "4");
  put(paths::kController, zk::ControllerInfo{2, 1}.encode(), true);
  broker_arrives(1);
  start();
  EXPECT_EQ(of_work("controllerchangerateandtimems_count"), 1);
  EXPECT_EQ(of_work("leaderelectionrateandtimems_count"), 0);
  EXPECT_EQ(of_events("eventqueuetimems_count"), 1);
  EXPECT_EQ(of_requests("totalqueuesize"), 0);
  EXPECT_EQ(of_requests("queuesize", 1), std::nullopt);
}

TEST_F(ControllerMetricsTest, RequestsWaitBehindTheOneOnItsWayToTheirBroker) {
  network_.take_down(port_of(2));
  broker_arrives(1);
  broker_arrives(2);
  topic_is_made("orders", {{2, 1}});
  start();
  // LeaderAndIsr is on its way, UpdateMetadata waits.
  EXPECT_EQ(of_requests("queuesize", 2), 1);
  EXPECT_EQ(of_requests("requestrateandqueuetimems_count", 2), 1);
  EXPECT_EQ(of_requests("queuesize", 1), 0);
  EXPECT_EQ(of_requests("requestrateandqueuetimems_count", 1), 2);
  EXPECT_EQ(of_requests("totalqueuesize"), 1);
  shards_.advance(950ms);
  network_.bring_up(port_of(2));
  shards_.advance(1s);
  EXPECT_EQ(of_requests("queuesize", 2), 0);
  EXPECT_EQ(of_requests("requestrateandqueuetimems_count", 2), 2);
  EXPECT_GE(of_requests("requestrateandqueuetimems_sum", 2), 950);
  EXPECT_LE(of_requests("requestrateandqueuetimems_sum", 2), 1950);
  EXPECT_EQ(of_requests("requestrateandqueuetimems_sum", 1), 0);
  broker_goes(2);
  EXPECT_EQ(of_requests("queuesize", 2), std::nullopt);
  EXPECT_EQ(of_requests("requestrateandqueuetimems_count", 2), std::nullopt);
  EXPECT_EQ(of_requests("totalqueuesize"), 0);
}

}  // namespace
}  // namespace gregor
