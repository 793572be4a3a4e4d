#include "broker/api/leader_and_isr.h"

#include "broker/replica/topic_settings.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

using Request = protocol::LeaderAndIsrRequest;
using Response = protocol::LeaderAndIsrResponse;

std::vector<BrokerId> brokers(const std::vector<int32_t>& raw) {
  std::vector<BrokerId> ids;
  for (int32_t id : raw) ids.emplace_back(id);
  return ids;
}

PartitionState state_of(std::string_view topic, const Uuid& topic_id, const Request::PartitionState& wire) {
  PartitionState state;
  state.name = {std::string(topic), wire.partition_index};
  state.topic_id = topic_id;
  state.leader = BrokerId(wire.leader);
  state.leader_epoch = LeaderEpoch(wire.leader_epoch);
  state.partition_epoch = wire.partition_epoch;
  state.in_sync = brokers(wire.isr);
  state.replicas = brokers(wire.replicas);
  state.is_new = wire.is_new;
  return state;
}

/// The states of the request, grouped by topic or not as its version had it.
std::vector<PartitionState> states_of(const Request& request) {
  std::vector<PartitionState> states;
  for (const auto& wire : request.ungrouped_partition_states) states.push_back(state_of(wire.topic_name, {}, wire));
  for (const auto& topic : request.topic_states) {
    for (const auto& wire : topic.partition_states)
      states.push_back(state_of(topic.topic_name, topic.topic_id, wire));
  }
  return states;
}

/// The errors both by name (versions up to 4) and by topic id.
Response response_of(const std::vector<PartitionState>& states, const std::vector<ErrorCode>& errors) {
  Response response;
  for (size_t i = 0; i < states.size(); ++i) {
    Response::PartitionError row;
    row.topic_name = states[i].name.topic;
    row.partition_index = states[i].name.partition;
    row.error_code = static_cast<int16_t>(errors[i]);
    response.partition_errors.push_back(row);
    if (response.topics.empty() || response.topics.back().topic_id != states[i].topic_id) {
      response.topics.emplace_back().topic_id = states[i].topic_id;
    }
    response.topics.back().partition_errors.push_back(row);
  }
  return response;
}

}  // namespace

Task<Response> LeaderAndIsrApi::answer(RequestContext, Request request) {
  Response response = co_await run_on(control_shard_, apply(std::move(request)));
  co_return response;
}

Task<Response> LeaderAndIsrApi::apply(Request request) {
  AsyncMutex::Guard turn = co_await control_.in_turn.lock();
  ErrorCode admitted = control_.admit(ControllerEpoch(request.controller_epoch), BrokerEpoch(request.broker_epoch));
  Response response;
  response.error_code = static_cast<int16_t>(admitted);
  if (admitted != ErrorCode::none) co_return response;
  std::vector<PartitionState> states = states_of(request);
  std::set<std::string> topics;
  for (const auto& state : states) topics.insert(state.name.topic);
  auto settings = co_await read_topic_settings(zookeeper_, config_, topics);
  if (!settings) {
    log::warn("could not read topic configurations reason=\"{}\"", settings.error().message);
    response.error_code = static_cast<int16_t>(ErrorCode::unknown_server_error);
    co_return response;
  }
  std::vector<ErrorCode> errors = co_await partitions_.apply(states, std::move(*settings));
  co_return response_of(states, errors);
}

}  // namespace gregor
