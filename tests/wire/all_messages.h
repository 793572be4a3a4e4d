#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/bytes.h"
#include "runtime/result.h"

namespace gregor::protocol {

/// What a sample holds: every field something of its own, or as little as there is (null, empty, one element).
enum class Sample { filled, sparse };

/// One message behind plain functions, so that a test can walk over all of them.
struct AnyMessage {
  std::string_view name;
  int16_t min_version;
  int16_t max_version;
  /// The encoding of a sample in `version`.
  std::vector<uint8_t> (*encode_sample)(Sample sample, int16_t version);
  /// Decodes `bytes`, which must be used up, and encodes what came out again.
  Result<std::vector<uint8_t>> (*reencode)(Bytes bytes, int16_t version);
  /// Decodes bytes of any kind; what matters is that it returns.
  Result<void> (*decode)(Bytes bytes, int16_t version);
};

const std::vector<AnyMessage>& all_messages();
/// The message called `name`; the test fails when there is none.
const AnyMessage& message_named(std::string_view name);

/// `AddOffsetsToTxnRequest v3`, for messages of tests.
std::string label(const AnyMessage& message, int16_t version);

}  // namespace gregor::protocol
