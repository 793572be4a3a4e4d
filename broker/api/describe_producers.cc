#include "broker/api/describe_producers.h"

#include "broker/api/partition_lookup.h"
#include "broker/types/error_code.h"

namespace gregor {

Result<void> DescribeProducersApi::check_topic(std::string_view topic) const {
  if (std::string problem = topic_name_problem(topic); !problem.empty()) {
    return Error{make_error_code(ErrorCode::invalid_topic_exception), "Topic name is invalid: " + problem};
  }
  if (metadata_.image().topic(topic) != nullptr) return {};
  return Error{make_error_code(ErrorCode::unknown_topic_or_partition),
               "This server does not host this topic-partition."};
}

Task<protocol::DescribeProducersResponse> DescribeProducersApi::answer(RequestContext,
                                                                       protocol::DescribeProducersRequest request) {
  Response response;
  for (const auto& topic : request.topics) {
    response.topics.emplace_back().name = std::string(topic.name);
    Result<void> checked = check_topic(topic.name);
    for (int32_t partition : topic.partition_indexes) {
      Response::Partition row;
      if (checked) {
        TopicPartitionView name(topic.name, partition);
        auto look = [this, name] { return describe(name); };
        row = co_await on(partitions_.shard_of(name), look);
      } else {
        row.error_code = static_cast<int16_t>(kafka_code(checked.error().code));
        row.error_message = checked.error().message;
      }
      row.partition_index = partition;
      response.topics.back().partitions.push_back(std::move(row));
    }
  }
  co_return response;
}

DescribeProducersApi::Response::Partition DescribeProducersApi::describe(TopicPartitionView name) {
  Response::Partition row;
  Partition* partition = partitions_.find(name);
  if (partition == nullptr || partition->has_failed()) {
    ErrorCode error =
        partition == nullptr ? absence_error(partitions_, metadata_, name) : ErrorCode::kafka_storage_error;
    row.error_code = static_cast<int16_t>(error);
    return row;
  }
  for (const auto& [producer_id, entry] : partition->log().producers().producers()) {
    auto& active = row.active_producers.emplace_back();
    active.producer_id = producer_id;
    active.producer_epoch = entry.epoch();
    active.last_sequence = entry.last_sequence();
    active.last_timestamp = entry.last_timestamp();
    active.coordinator_epoch = entry.coordinator_epoch();
    active.current_txn_start_offset = entry.transaction_start().value_or(kNoOffset).value;
  }
  return row;
}

}  // namespace gregor
