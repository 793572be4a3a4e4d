#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk {

/// /latest_producer_id_block: the last run of producer ids that was handed to a broker.
struct ProducerIdBlock {
  int32_t broker_id = -1;
  int64_t first_id = 0;
  int64_t last_id = 0;  // inclusive

  friend bool operator==(const ProducerIdBlock&, const ProducerIdBlock&) = default;
  std::string encode() const;
  static Result<ProducerIdBlock> decode(std::string_view text);
};

}  // namespace gregor::zk
