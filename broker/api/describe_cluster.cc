#include "broker/api/describe_cluster.h"

#include "broker/api/listener_view.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr int8_t kBrokerEndpoints = 1;
constexpr int8_t kControllerEndpoints = 2;

}  // namespace

Task<protocol::DescribeClusterResponse> DescribeClusterApi::answer(RequestContext context,
                                                                   protocol::DescribeClusterRequest request) {
  protocol::DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokerEndpoints) {
    bool is_known = request.endpoint_type == kControllerEndpoints;
    response.error_code =
        static_cast<int16_t>(is_known ? ErrorCode::mismatched_endpoint_type : ErrorCode::unsupported_endpoint_type);
    response.error_message =
        is_known
            ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
            : "Unsupported endpoint type " + std::to_string(request.endpoint_type);
    co_return response;
  }
  const ClusterImage& image = metadata_.image();
  response.cluster_id = cluster_id_;
  response.controller_id = image.controller().value;
  for (const auto& broker : reachable_brokers(image, context.connection.listener_name)) {
    auto& row = response.brokers.emplace_back();
    row.broker_id = broker.id.value;
    row.host = broker.endpoint.host;
    row.port = broker.endpoint.port;
    row.rack = broker.rack;
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return response;
}

}  // namespace gregor
