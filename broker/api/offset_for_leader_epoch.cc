#include "broker/api/offset_for_leader_epoch.h"

#include "broker/api/partition_lookup.h"
#include "broker/types/error_code.h"

namespace gregor {

Task<protocol::OffsetForLeaderEpochResponse> OffsetForLeaderEpochApi::answer(
    RequestContext, protocol::OffsetForLeaderEpochRequest request) {
  Response response;
  for (const auto& topic : request.topics) {
    response.topics.emplace_back().topic = std::string(topic.topic);
    for (const auto& partition : topic.partitions) {
      Response::Partition row = co_await answer_one(topic.topic, partition);
      response.topics.back().partitions.push_back(row);
    }
  }
  co_return response;
}

Task<OffsetForLeaderEpochApi::Response::Partition> OffsetForLeaderEpochApi::answer_one(std::string_view topic,
                                                                                       Request::Partition wanted) {
  TopicPartitionView name(topic, wanted.partition);
  auto look = [this, &name, &wanted] { return look_up(name, wanted); };
  Response::Partition row = co_await on(partitions_.shard_of(name), look);
  co_return row;
}

OffsetForLeaderEpochApi::Response::Partition OffsetForLeaderEpochApi::look_up(TopicPartitionView name,
                                                                              const Request::Partition& wanted) {
  Response::Partition row;
  row.partition = wanted.partition;
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) {
    row.error_code = static_cast<int16_t>(absence_error(partitions_, metadata_, name));
    return row;
  }
  auto end =
      partition->end_offset_for_epoch(LeaderEpoch(wanted.leader_epoch), LeaderEpoch(wanted.current_leader_epoch));
  if (!end) {
    row.error_code = static_cast<int16_t>(kafka_code(end.error().code));
  } else if (*end) {
    row.leader_epoch = (*end)->epoch.value;
    row.end_offset = (*end)->end_offset.value;
  }
  return row;
}

}  // namespace gregor
