#pragma once

#include <utility>
#include <vector>

#include "broker/log/producer_state.h"
#include "runtime/buffer.h"

namespace gregor {

/// The content of a snapshot file (docs/formats.md): of each producer its last batch and its transaction.
Buffer encode_producer_snapshot(const ProducerState& state);

/// The producers of a snapshot file. Error: corrupt_message, saying what is wrong with `bytes`.
Result<std::vector<std::pair<int64_t, ProducerEntry>>> decode_producer_snapshot(Bytes bytes);

}  // namespace gregor
