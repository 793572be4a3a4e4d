#include "broker/api/dispatcher.h"

#include <gtest/gtest.h>

#include "broker/api/api_versions.h"
#include "broker/api/describe_cluster.h"
#include "broker/protocol/list_groups.h"
#include "broker/types/error_code.h"
#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using protocol::DescribeClusterRequest;
using protocol::DescribeClusterResponse;

/// ListGroups, answered when the test says so: any API that waits.
class SlowApi final : public TypedApi<protocol::ListGroupsRequest, protocol::ListGroupsResponse> {
 public:
  bool may_answer = false;

 private:
  Task<protocol::ListGroupsResponse> answer(RequestContext, protocol::ListGroupsRequest) override {
    while (!may_answer) co_await sleep_for(1ms);
    co_return protocol::ListGroupsResponse();
  }
};

/// A dispatcher that serves ApiVersions and DescribeCluster.
class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() {
    registry_.add(std::make_unique<DescribeClusterApi>(metadata_, cluster_id_));
    registry_.add(std::make_unique<ApiVersionsApi>(registry_));
  }

  static Task<bool> publish(MetadataCache& metadata, std::shared_ptr<const ClusterImage> image) {
    co_await metadata.publish(std::move(image));
    co_return true;
  }
  /// The controller has told this broker, number 1, of the cluster.
  void become_ready() {
    auto image = std::make_shared<ClusterImage>();
    std::map<BrokerId, BrokerImage> brokers;
    brokers[BrokerId(1)].id = BrokerId(1);
    brokers[BrokerId(1)].endpoints.push_back({"PLAINTEXT", "here", 9092, 0});
    image->set_brokers(std::move(brokers));
    shards_.run(publish(metadata_, std::move(image)));
  }
  template <class Request>
  static Buffer frame_of(const Request& request, int16_t version) {
    protocol::RequestHeader header;
    header.request_api_version = version;
    header.correlation_id = 42;
    header.client_id = "test";
    Buffer frame = protocol::request_frame(request, header).bytes().take();
    return Buffer::copy_of(frame.view().subspan(4));
  }
  static Buffer raw_frame(int16_t key, int16_t version, std::string rest = std::string("\0\0\0\x2a\xff\xff", 6)) {
    std::string bytes(4, '\0');
    store_big_endian(reinterpret_cast<uint8_t*>(bytes.data()), key);
    store_big_endian(reinterpret_cast<uint8_t*>(bytes.data()) + 2, version);
    bytes += rest;
    return Buffer::copy_of(as_bytes(bytes));
  }
  testing::Started<Reply> dispatch(Buffer frame) {
    return shards_.start(dispatcher_.handle(connection_, RequestFrame(std::move(frame))));
  }
  /// The same for a frame that takes its share of the memory for requests.
  template <class Request>
  testing::Started<Reply> dispatch_counted(const Request& request) {
    RequestFrame frame(budget_);
    frame.bytes() = frame_of(request, 0);
    EXPECT_TRUE(frame.share().try_grow_to(frame.size()));
    EXPECT_GT(budget_.used_bytes(), 0u);
    return shards_.start(dispatcher_.handle(connection_, std::move(frame)));
  }
  template <class Response>
  static Response decoded(Reply& reply, int16_t version) {
    EXPECT_EQ(reply.kind, Reply::Kind::send);
    ByteReader reader(reply.frame.bytes.view().subspan(4));
    const auto& api = *protocol::find_api(static_cast<int16_t>(Response::kApiKey));
    auto header = protocol::ResponseHeader::decode(reader, protocol::response_header_version(api, version));
    EXPECT_EQ(header->correlation_id, 42);
    auto response = Response::decode(reader, version);
    EXPECT_TRUE(response.ok());
    return *response;
  }
  static ApiVersionsRequest api_versions_request() {
    ApiVersionsRequest request;
    request.client_software_name = "librdkafka";
    request.client_software_version = "2.0.2";
    return request;
  }

  /// The value of a series whose labels begin with these values; none when it is not told.
  std::optional<double> metric(const std::string& name, const std::vector<std::string>& labels) {
    MetricPage page;
    shards_.run(metrics_.collect())(page);
    for (const auto& family : page.take()) {
      if (family.name != "kafka_network_requestmetrics_" + name) continue;
      for (const auto& row : family.metric) {
        auto same = [](const auto& label, const std::string& wanted) { return label.value == wanted; };
        if (std::equal(row.label.begin(), row.label.end(), labels.begin(), labels.end(), same)) {
          return row.counter.value + row.gauge.value;
        }
      }
    }
    return std::nullopt;
  }

  testing::ManualShards shards_;
  MemoryBudget budget_{shards_[0], 1000};
  MetadataCache metadata_{shards_.all()};
  std::string cluster_id_ = "cluster";
  std::stop_source gone_;
  ConnectionInfo connection_{"peer:1", "PLAINTEXT", gone_.get_token(), {}};
  ApiRegistry registry_;
  RequestMetrics metrics_{shards_.all()};
  Dispatcher dispatcher_{registry_, metadata_, metrics_, BrokerId(1)};
};

TEST_F(DispatcherTest, ApiVersionsNamesWhatIsServedInTheOrderOfKeys) {
  for (int16_t version = 0; version <= 4; ++version) {
    auto reply = dispatch(frame_of(api_versions_request(), version));
    auto response = decoded<ApiVersionsResponse>(reply.value(), version);
    ASSERT_EQ(response.error_code, 0) << version;
    ASSERT_EQ(response.api_keys.size(), 2u);
    EXPECT_EQ(response.api_keys[0].api_key, 18);
    EXPECT_EQ(response.api_keys[0].max_version, 4);
    EXPECT_EQ(response.api_keys[1].api_key, 60);
  }
}

TEST_F(DispatcherTest, LaterApiVersionsIsAnsweredInVersionZero) {
  std::string rest("\0\0\0\x2a\0\4test\0", 11);
  auto reply = dispatch(raw_frame(18, 99, rest + "whatever that version has"));
  auto response = decoded<ApiVersionsResponse>(reply.value(), 0);
  EXPECT_EQ(response.error_code, static_cast<int16_t>(ErrorCode::unsupported_version));
  ASSERT_EQ(response.api_keys.size(), 1u);
  EXPECT_EQ(response.api_keys[0].api_key, 18);
  EXPECT_EQ(response.api_keys[0].max_version, 4);
}

TEST_F(DispatcherTest, ClientSoftwareMustHaveAName) {
  auto request = api_versions_request();
  request.client_software_name = "-not a name-";
  auto reply = dispatch(frame_of(request, 3));
  EXPECT_EQ(decoded<ApiVersionsResponse>(reply.value(), 3).error_code,
            static_cast<int16_t>(ErrorCode::invalid_request));
}

TEST_F(DispatcherTest, WhatIsNotServedClosesTheConnection) {
  become_ready();
  EXPECT_EQ(dispatch(raw_frame(0, 9)).value().kind, Reply::Kind::close) << "not in the registry";
  EXPECT_EQ(dispatch(raw_frame(9999, 0)).value().kind, Reply::Kind::close) << "no such API";
  EXPECT_EQ(dispatch(raw_frame(-1, 0)).value().kind, Reply::Kind::close);
  EXPECT_EQ(dispatch(raw_frame(60, 99)).value().kind, Reply::Kind::close) << "no such version";
  EXPECT_EQ(dispatch(raw_frame(60, -1)).value().kind, Reply::Kind::close);
}

TEST_F(DispatcherTest, BytesThatAreNoRequestCloseTheConnection) {
  become_ready();
  EXPECT_EQ(dispatch(Buffer()).value().kind, Reply::Kind::close);
  EXPECT_EQ(dispatch(raw_frame(60, 1, "")).value().kind, Reply::Kind::close);
  Buffer whole = frame_of(DescribeClusterRequest(), 1);
  EXPECT_EQ(dispatch(Buffer::copy_of(whole.view().first(whole.size() - 1))).value().kind, Reply::Kind::close);
}

TEST_F(DispatcherTest, ClientsWaitUntilTheControllerHasSpoken) {
  auto reply = dispatch(frame_of(DescribeClusterRequest(), 0));
  shards_.advance(10s);
  EXPECT_FALSE(reply.has_ended());
  EXPECT_TRUE(dispatch(frame_of(api_versions_request(), 3)).has_ended());
  become_ready();
  auto response = decoded<DescribeClusterResponse>(reply.value(), 0);
  EXPECT_EQ(response.cluster_id, "cluster");
  EXPECT_EQ(response.brokers.size(), 1u);
}

TEST_F(DispatcherTest, WhoWaitsForTheControllerHoldsNoRequestMemory) {
  auto reply = dispatch_counted(DescribeClusterRequest());
  ASSERT_FALSE(reply.has_ended());
  EXPECT_EQ(budget_.used_bytes(), 0u) << "or the controller's request could not be read";
  become_ready();
  EXPECT_EQ(decoded<DescribeClusterResponse>(reply.value(), 0).cluster_id, "cluster");
}

TEST_F(DispatcherTest, WhoWaitsInAHandlerHoldsNoRequestMemory) {
  become_ready();
  auto owned = std::make_unique<SlowApi>();
  SlowApi& slow = *owned;
  registry_.add(std::move(owned));
  auto reply = dispatch_counted(protocol::ListGroupsRequest());
  ASSERT_FALSE(reply.has_ended());
  EXPECT_EQ(budget_.used_bytes(), 0u);
  slow.may_answer = true;
  shards_.advance(1s);
  EXPECT_EQ(reply.value().kind, Reply::Kind::send);
}

TEST_F(DispatcherTest, RequestIsCarriedOutAlsoWhenItsSenderHungUpRightAfterIt) {
  become_ready();
  gone_.request_stop();
  auto answer = dispatch(frame_of(DescribeClusterRequest(), 0));
  EXPECT_EQ(answer.value().kind, Reply::Kind::send);
}

TEST_F(DispatcherTest, ClientThatGoesMeanwhileIsNotWaitedFor) {
  auto reply = dispatch(frame_of(DescribeClusterRequest(), 0));
  gone_.request_stop();
  shards_.run_due();
  ASSERT_TRUE(reply.has_ended());
  EXPECT_EQ(reply.value().kind, Reply::Kind::close);
}

TEST_F(DispatcherTest, RequestIsMeasuredOnceItsAnswerIsSent) {
  connection_.received = shards_.clock().now();
  auto reply = dispatch(frame_of(DescribeClusterRequest(), 0));
  shards_.advance(30ms);
  become_ready();
  EXPECT_EQ(metric("requests_total", {"DescribeCluster", "0"}), std::nullopt);
  ASSERT_TRUE(reply.value().on_sent);
  auto send_for = [&] { reply.value().on_sent(shards_.clock().now() + 5ms); };
  shards_.call(send_for);
  EXPECT_EQ(metric("requests_total", {"DescribeCluster", "0"}), 1);
  EXPECT_EQ(metric("requestqueuetimems_sum", {"DescribeCluster"}), 30);
  EXPECT_EQ(metric("localtimems_sum", {"DescribeCluster"}), 0);
  EXPECT_EQ(metric("responsesendtimems_sum", {"DescribeCluster"}), 5);
  EXPECT_EQ(metric("totaltimems_sum", {"DescribeCluster"}), 35);
  EXPECT_EQ(metric("errors_total", {"DescribeCluster", "NONE"}), 1);
}

TEST_F(DispatcherTest, ErrorCodesOfAnswersAreCounted) {
  auto request = api_versions_request();
  request.client_software_name = "-not a name-";
  dispatch(frame_of(request, 3));
  dispatch(frame_of(request, 3));
  EXPECT_EQ(metric("errors_total", {"ApiVersions", "INVALID_REQUEST"}), 2);
}

}  // namespace
}  // namespace gregor
