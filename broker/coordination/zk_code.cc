#include "broker/coordination/zk_code.h"

#include <fmt/format.h>

namespace gregor {
namespace {

const char* text_of(ZkCode code) {
  switch (code) {
    case ZkCode::ok:
      return "ok";
    case ZkCode::system_error:
      return "system error";
    case ZkCode::runtime_inconsistency:
      return "runtime inconsistency";
    case ZkCode::data_inconsistency:
      return "data inconsistency";
    case ZkCode::connection_loss:
      return "connection loss";
    case ZkCode::marshalling_error:
      return "marshalling error";
    case ZkCode::unimplemented:
      return "unimplemented";
    case ZkCode::operation_timeout:
      return "operation timeout";
    case ZkCode::bad_arguments:
      return "bad arguments";
    case ZkCode::invalid_state:
      return "invalid state";
    case ZkCode::no_node:
      return "no such node";
    case ZkCode::no_auth:
      return "not authorized";
    case ZkCode::bad_version:
      return "version conflict";
    case ZkCode::no_children_for_ephemerals:
      return "ephemeral nodes have no children";
    case ZkCode::node_exists:
      return "node exists";
    case ZkCode::not_empty:
      return "node has children";
    case ZkCode::session_expired:
      return "session expired";
    case ZkCode::invalid_acl:
      return "invalid ACL";
    case ZkCode::auth_failed:
      return "authentication failed";
    case ZkCode::closed:
      return "client is closed";
    case ZkCode::session_moved:
      return "session moved to another server";
    case ZkCode::not_read_only:
      return "server is read-only";
    case ZkCode::quota_exceeded:
      return "quota exceeded";
    case ZkCode::throttled:
      return "throttled by the server";
  }
  return "unknown error";
}

class ZkCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "zookeeper"; }
  std::string message(int value) const override {
    return fmt::format("{} ({})", text_of(static_cast<ZkCode>(value)), value);
  }
};

}  // namespace

std::error_code make_error_code(ZkCode code) {
  static const ZkCategory category;
  return {static_cast<int>(code), category};
}

Error zk_error(ZkCode code, const char* operation, const std::string& path) {
  std::error_code error_code = make_error_code(code);
  return Error{error_code, fmt::format("ZooKeeper: {} {}: {}", operation, path, error_code.message())};
}

}  // namespace gregor
