#pragma once

#include <optional>

#include "broker/record/batch.h"
#include "runtime/result.h"

namespace gregor {

/// The record by which a transaction coordinator ends a transaction (docs/formats.md).
struct EndMarker {
  bool is_abort = false;
  int32_t coordinator_epoch = -1;
  int64_t timestamp_ms = kNoTimestamp;
};

/// The marker in a whole control batch; none where compaction left the batch without its record. Error:
/// invalid_record for what is no such marker.
Result<std::optional<EndMarker>> read_end_marker(const BatchView& batch);

}  // namespace gregor
