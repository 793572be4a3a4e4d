#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace gregor::zk {

/// One rule of a resource: who may or may not do what from where.
struct AclEntry {
  std::string principal;   // User:alice
  std::string permission;  // Allow, Deny
  std::string operation;   // Read, ..., as Kafka spells it in znodes
  std::string host;        // * for any

  friend auto operator<=>(const AclEntry&, const AclEntry&) = default;
};

/// /kafka-acl/<Type>/<name> and /kafka-acl-extended/<pattern>/<Type>/<name>.
struct ResourceAcls {
  std::vector<AclEntry> acls;

  friend bool operator==(const ResourceAcls&, const ResourceAcls&) = default;
  std::string encode() const;
  /// An empty znode has no rules.
  static Result<ResourceAcls> decode(std::string_view text);
};

/// The resource that an ACL change notification names.
struct AclChange {
  std::string resource_type;  // upper case: TOPIC, TRANSACTIONAL_ID
  std::string name;
  std::string pattern_type = "LITERAL";

  friend bool operator==(const AclChange&, const AclChange&) = default;
  /// TYPE:name, for /kafka-acl-changes; literal patterns only.
  std::string encode_literal() const;
  static Result<AclChange> decode_literal(std::string_view text);
  /// JSON, for /kafka-acl-extended-changes.
  std::string encode_extended() const;
  static Result<AclChange> decode_extended(std::string_view text);
};

}  // namespace gregor::zk
