#include "broker/api/list_offsets.h"

#include <algorithm>
#include <set>

#include "broker/api/partition_lookup.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr int8_t kReadCommitted = 1;
constexpr int32_t kNoReplica = -1;

OffsetsReader reader_of(const protocol::ListOffsetsRequest& request) {
  if (request.replica_id != kNoReplica) return OffsetsReader::replica;
  return request.isolation_level == kReadCommitted ? OffsetsReader::committed_consumer : OffsetsReader::consumer;
}

/// What older clients take OFFSET_NOT_AVAILABLE for (KIP-207).
ErrorCode known_to(int16_t version, ErrorCode error) {
  return version < 5 && error == ErrorCode::offset_not_available ? ErrorCode::leader_not_available : error;
}

/// The first version that knows a special timestamp; -1 when none does.
int16_t first_version_with(int64_t timestamp) {
  switch (timestamp) {
    case list_offsets::kLatest:
    case list_offsets::kEarliest:
      return 0;
    case list_offsets::kMaxTimestamp:
      return 7;
    case list_offsets::kEarliestLocal:
      return 8;
    case list_offsets::kLatestTiered:
      return 9;
    default:
      return timestamp < 0 ? INT16_MAX : 0;
  }
}

bool names_partition_twice(const protocol::ListOffsetsRequest::Topic& topic) {
  std::set<int32_t> seen;
  for (const auto& partition : topic.partitions) {
    if (!seen.insert(partition.partition_index).second) return true;
  }
  return false;
}

}  // namespace

Task<protocol::ListOffsetsResponse> ListOffsetsApi::answer(RequestContext context,
                                                           protocol::ListOffsetsRequest request) {
  Response response;
  OffsetsReader reader = reader_of(request);
  for (const auto& topic : request.topics) {
    auto& topic_row = response.topics.emplace_back();
    topic_row.name = std::string(topic.name);
    bool is_invalid = names_partition_twice(topic);
    for (const auto& partition : topic.partitions) {
      Response::Partition row;
      if (is_invalid) {
        row.partition_index = partition.partition_index;
        row.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
      } else {
        row = co_await answer_one(topic.name, partition, context.version(), reader);
      }
      response.topics.back().partitions.push_back(std::move(row));
    }
  }
  co_return response;
}

Task<ListOffsetsApi::Response::Partition> ListOffsetsApi::answer_one(std::string_view topic,
                                                                     Request::Partition wanted, int16_t version,
                                                                     OffsetsReader reader) {
  TopicPartitionView name(topic, wanted.partition_index);
  auto look = [this, &name, &wanted, version, reader] { return look_up(name, wanted, version, reader); };
  Response::Partition row = co_await on(partitions_.shard_of(name), look);
  co_return row;
}

ListOffsetsApi::Response::Partition ListOffsetsApi::look_up(TopicPartitionView name,
                                                            const Request::Partition& wanted, int16_t version,
                                                            OffsetsReader reader) {
  Response::Partition row;
  row.partition_index = wanted.partition_index;
  auto fail = [&row](ErrorCode error) {
    row.error_code = static_cast<int16_t>(error);
    return row;
  };
  if (version < first_version_with(wanted.timestamp)) return fail(ErrorCode::unsupported_version);
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) return fail(absence_error(partitions_, metadata_, name));
  if (version == 0) {
    auto offsets = partition->list_offsets_backwards(
        wanted.timestamp, static_cast<size_t>(std::max(wanted.max_num_offsets, 0)), reader);
    if (!offsets) return fail(kafka_code(offsets.error().code));
    for (Offset offset : *offsets) row.old_style_offsets.push_back(offset.value);
    return row;
  }
  auto found = partition->list_offset(wanted.timestamp, LeaderEpoch(wanted.current_leader_epoch), reader);
  if (!found) return fail(known_to(version, kafka_code(found.error().code)));
  if (!*found) return row;
  row.timestamp = (*found)->timestamp;
  row.offset = (*found)->offset.value;
  row.leader_epoch = (*found)->leader_epoch.value;
  return row;
}

}  // namespace gregor
