#pragma once

#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gregor::zk {

/// /cluster/id: written once by the cluster's first broker.
struct ClusterId {
  std::string id;

  friend bool operator==(const ClusterId&, const ClusterId&) = default;
  std::string encode() const;
  static Result<ClusterId> decode(std::string_view text);
};

}  // namespace gregor::zk
