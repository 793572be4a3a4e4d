#pragma once

#include "broker/log/partition_log.h"
#include "broker/record/conversion.h"
#include "runtime/background_pool.h"
#include "runtime/task.h"

namespace gregor {

/// The rules for `version` of Fetch, which is below 4: versions 0 and 1 know magic 0 only, 2 and 3 also magic 1.
/// Like Kafka's, the answer grows beyond what was found in the log only where its first batch does.
DownConversionRules down_conversion_rules(int16_t version, Offset fetch_offset, const LogRead& found);

struct DownConverted {
  Buffer message_set;
  uint64_t records = 0;  ///< that were turned into messages, not copied
};

/// Reads what a fetch found into memory and makes a message set of it, in the background since both take their
/// time. Errors: convert_down's, or the file's.
Task<Result<DownConverted>> down_converted(BackgroundPool& pool, LogRead found, DownConversionRules rules);

}  // namespace gregor
