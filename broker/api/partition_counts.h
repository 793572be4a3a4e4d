#pragma once

#include "broker/log/partition_log.h"
#include "broker/metrics/topic_metrics.h"
#include "broker/types/error_code.h"
#include "broker/types/topic_partition.h"
#include "runtime/bytes.h"
#include "runtime/result.h"

namespace gregor {

/// Counts a batch that was appended; `was_converted` when it came in an older form.
void count_appended(TopicMetrics& metrics, TopicPartitionView name, const AppendInfo& appended, bool was_converted);
/// Counts a batch that was refused because of `error`, by what is wrong with it. `records_without_key` are those
/// that a compacted topic complained of.
void count_refused(TopicMetrics& metrics, TopicPartitionView name, Bytes records, const Error& error,
                   uint64_t records_without_key);
/// True for an error of a read that no ordinary course of things explains.
bool is_unexpected_in_fetch(ErrorCode error);

}  // namespace gregor
