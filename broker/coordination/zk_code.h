#pragma once

#include <string>
#include <system_error>

#include "runtime/result.h"

namespace gregor {

/// ZooKeeper's error codes, as numbered in its protocol.
enum class ZkCode {
  ok = 0,
  system_error = -1,
  runtime_inconsistency = -2,  // in a failed multi: an operation after the one that failed
  data_inconsistency = -3,
  connection_loss = -4,
  marshalling_error = -5,
  unimplemented = -6,
  operation_timeout = -7,
  bad_arguments = -8,
  invalid_state = -9,
  no_node = -101,
  no_auth = -102,
  bad_version = -103,
  no_children_for_ephemerals = -108,
  node_exists = -110,
  not_empty = -111,
  session_expired = -112,
  invalid_acl = -114,
  auth_failed = -115,
  closed = -116,
  session_moved = -118,
  not_read_only = -119,
  quota_exceeded = -125,
  throttled = -127,
};

std::error_code make_error_code(ZkCode code);

/// An Error that says which operation on which path failed and why.
Error zk_error(ZkCode code, const char* operation, const std::string& path);

}  // namespace gregor

template <>
struct std::is_error_code_enum<gregor::ZkCode> : std::true_type {};
