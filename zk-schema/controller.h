#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk {

/// /controller: who is the elected controller.
struct ControllerInfo {
  int32_t broker_id = -1;
  int64_t timestamp_ms = 0;
  int32_t kraft_controller_epoch = -1;  // other than -1 only while a cluster migrates to KRaft

  friend bool operator==(const ControllerInfo&, const ControllerInfo&) = default;
  std::string encode() const;
  static Result<ControllerInfo> decode(std::string_view text);
};

/// /controller_epoch is a decimal number, not JSON.
std::string encode_controller_epoch(int32_t epoch);
Result<int32_t> decode_controller_epoch(std::string_view text);

}  // namespace gregor::zk
