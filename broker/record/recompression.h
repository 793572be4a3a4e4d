#pragma once

#include <optional>

#include "broker/record/validation.h"
#include "runtime/buffer.h"

namespace gregor {

/// True when `records` begin like a batch of magic 2 whose codec is not the one that `target`, if set, wants. The
/// level does not matter: a batch in the right codec stays as it is, as in Kafka.
bool needs_recompression(Bytes records, const std::optional<CompressionTarget>& target);

/// The produced batch `records` in the codec of `rules.stored_in`, which is set. Records, their order, offsets and
/// timestamps, and the producer's id, epoch and sequence are the same to the byte; attribute bits that a producer
/// has no business to set are dropped, as Kafka drops them.
///
/// None when `records` are not one intact batch that `rules` let be decompressed; validate_produced says why. The
/// outcome is checked by it as well: it may be larger than rules.max_message_bytes.
/// Takes its time, as compression does, and so has no place on a shard.
std::optional<Buffer> recompress(Bytes records, const ProduceRules& rules);

}  // namespace gregor
