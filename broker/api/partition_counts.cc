#include "broker/api/partition_counts.h"

#include "broker/record/batch.h"

namespace gregor {
namespace {

/// What Kafka takes for the ordinary course of things and does not count as failed.
bool is_unexpected_in_produce(ErrorCode error) {
  switch (error) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::corrupt_message:
    case ErrorCode::kafka_storage_error:
      return false;
    default:
      return true;
  }
}

bool has_untrue_offsets(const BatchView& batch) {
  bool counts_agree = batch.record_count() > 0 && batch.record_count() - 1 == batch.last_offset_delta();
  bool has_sequence = batch.producer_id() == kNoProducerId || batch.base_sequence() >= 0;
  return !counts_agree || !has_sequence;
}

/// The counter that tells what is wrong with `records`, which were refused with `error`; null when there is none.
uint64_t TopicCounters::*flaw_of(Bytes records, ErrorCode error) {
  if (records.size() <= batch_layout::kMagic) return nullptr;
  auto magic = static_cast<int8_t>(records[batch_layout::kMagic]);
  if (magic < 0 || magic > 2) return &TopicCounters::invalid_magic_records;
  auto batch = BatchView::probe(records);
  if (!batch || batch->size() != records.size()) return nullptr;
  if (error == ErrorCode::corrupt_message && !batch->is_intact()) return &TopicCounters::invalid_crc_records;
  bool is_of_structure = error == ErrorCode::invalid_record && !batch->is_legacy();
  return is_of_structure && has_untrue_offsets(*batch) ? &TopicCounters::invalid_offset_records : nullptr;
}

}  // namespace

void count_appended(TopicMetrics& metrics, TopicPartitionView name, const AppendInfo& appended,
                    bool was_converted) {
  auto records = static_cast<uint64_t>(appended.last_offset.value - appended.first_offset.value + 1);
  metrics.count(&TopicCounters::messages_in, name.topic, records);
  metrics.count(&TopicCounters::bytes_in, name.topic, appended.size_bytes);
  if (was_converted) metrics.count(&TopicCounters::produce_conversions, name.topic, records);
}

void count_refused(TopicMetrics& metrics, TopicPartitionView name, Bytes records, const Error& error,
                   uint64_t records_without_key) {
  ErrorCode code = kafka_code(error.code);
  if (code == ErrorCode::message_too_large) {
    metrics.count(&TopicCounters::bytes_rejected, name.topic, records.size());
  }
  if (is_unexpected_in_produce(code)) metrics.count(&TopicCounters::failed_produce_requests, name.topic);
  if (auto flaw = flaw_of(records, code)) metrics.count(flaw);
  if (records_without_key > 0) metrics.count(&TopicCounters::no_key_compacted_records, records_without_key);
}

bool is_unexpected_in_fetch(ErrorCode error) {
  switch (error) {
    case ErrorCode::none:
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::unknown_topic_id:
    case ErrorCode::inconsistent_topic_id:
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::unknown_leader_epoch:
    case ErrorCode::fenced_leader_epoch:
    case ErrorCode::replica_not_available:
    case ErrorCode::kafka_storage_error:
    case ErrorCode::offset_out_of_range:
      return false;
    default:
      return true;
  }
}

}  // namespace gregor
