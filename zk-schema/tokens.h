#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor::zk {

/// /delegation_token/tokens/<id>; the HMAC is not stored. Principals are plain here and sanitised in the znode.
struct DelegationToken {
  std::string token_id;
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  int64_t issue_timestamp_ms = 0;
  int64_t max_timestamp_ms = 0;
  int64_t expiry_timestamp_ms = 0;

  friend bool operator==(const DelegationToken&, const DelegationToken&) = default;
  /// Version 3.
  std::string encode() const;
  /// Reads versions 1 to 3; before 3 the owner is the requester.
  static Result<DelegationToken> decode(std::string_view text);
};

}  // namespace gregor::zk
