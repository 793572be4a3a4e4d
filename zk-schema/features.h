#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk {

/// /feature: the feature levels in force in the whole cluster (KIP-584); written by the controller.
struct FinalizedFeatures {
  bool enabled = true;
  std::map<std::string, int32_t> max_levels;

  friend bool operator==(const FinalizedFeatures&, const FinalizedFeatures&) = default;
  /// Version 2, or version 1 for clusters whose inter-broker protocol is below 3.3.
  std::string encode() const;
  std::string encode_v1() const;
  /// Reads versions 1 and 2.
  static Result<FinalizedFeatures> decode(std::string_view text);
};

}  // namespace gregor::zk
