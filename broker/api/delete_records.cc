#include "broker/api/delete_records.h"

#include "broker/api/listener_view.h"
#include "broker/api/partition_lookup.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {

Task<protocol::DeleteRecordsResponse> DeleteRecordsApi::answer(RequestContext,
                                                               protocol::DeleteRecordsRequest request) {
  Response response;
  for (const auto& topic : request.topics) {
    response.topics.emplace_back().name = std::string(topic.name);
    for (const auto& wanted : topic.partitions) {
      TopicPartitionView name(topic.name, wanted.partition_index);
      Offset up_to(wanted.offset);
      auto remove = [this, name, up_to] { return delete_from(name, up_to); };
      Result<Offset> start = co_await on(partitions_.shard_of(name), remove);
      auto& row = response.topics.back().partitions.emplace_back();
      row.partition_index = wanted.partition_index;
      row.low_watermark = start ? start->value : kNoOffset.value;
      if (!start) row.error_code = static_cast<int16_t>(kafka_code(start.error().code));
    }
  }
  co_return response;
}

Result<Offset> DeleteRecordsApi::delete_from(TopicPartitionView name, Offset up_to) {
  if (is_internal_topic(name.topic)) {
    return Error{make_error_code(ErrorCode::invalid_topic_exception),
                 "records of the internal topic " + std::string(name.topic) + " can't be deleted"};
  }
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) return Error{make_error_code(absence_error(partitions_, metadata_, name)), ""};
  Offset before = partition->log().log_start_offset();
  auto start = partition->delete_records(up_to);
  if (!start || *start == before) return start;
  log::info("deleted records partition={} new_start={}", partition->name().to_string(), start->value);
  partitions_.remove_deleted_files(*partition);
  return start;
}

}  // namespace gregor
