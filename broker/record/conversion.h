#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "broker/record/compression.h"
#include "broker/types/ids.h"
#include "runtime/buffer.h"
#include "runtime/bytes.h"
#include "runtime/result.h"

namespace gregor {

/// Bounds for what an old producer sent.
struct UpConversionRules {
  /// Of each entry of the message set as it was sent, in bytes: max.message.bytes.
  uint32_t max_message_bytes = 1048588;
  /// How much a compressed message may decompress to; ours, Kafka has no such bound.
  size_t max_plain_size = 256 << 20;
  /// What to compress the batch with; unset keeps the codec of the message set.
  std::optional<CompressionTarget> stored_in = std::nullopt;
};

/// True when `records` begin like a message set of magic 0 or 1.
bool is_message_set(Bytes records);

/// Makes one batch of magic 2 of a message set of magic 0 or 1, as Produce before version 3 brings it: any number
/// of plain messages, or a single compressed one. Order and timestamps are kept (magic 0 has none); offsets are
/// counted from 0. What a batch must be besides (keys, timestamps in range) is for validate_produced to say.
///
/// Decompresses and compresses, so it takes its time. Stricter than Kafka in one thing: a set that holds nothing or
/// ends within a message is refused, where Kafka acknowledges what it drops.
/// Errors: corrupt_message (checksum, size, magic), invalid_record (structure, mixed magic, a compressed message
/// that is not alone), message_too_large, invalid_timestamp (negative), unsupported_compression_type.
Result<Buffer> convert_up(Bytes message_set, const UpConversionRules& rules);

/// What a consumer of old asked for.
struct DownConversionRules {
  int8_t to_magic = 1;  ///< 0 or 1
  Offset first_wanted;  ///< plain records before it are left out (some versions of librdkafka rely on that)
  /// No batch is added that would make the answer larger, unless it is the first.
  size_t max_size = std::numeric_limits<size_t>::max();
  /// How much one batch may decompress to.
  size_t max_plain_size = 256 << 20;
};

/// Makes a message set of stored batches, the last of which may be cut off and is then left out. Offsets, codecs
/// and timestamps are kept; headers and control batches have no place in it. What is old enough is copied as it is.
///
/// Where a batch can't be converted, the set ends before it. Errors, where nothing came before it: corrupt_message,
/// unsupported_compression_type (zstd), message_too_large, invalid_record.
Result<Buffer> convert_down(Bytes batches, const DownConversionRules& rules);

}  // namespace gregor
