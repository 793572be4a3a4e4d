#include "zk-schema/acls.h"

#include "acls.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {

std::string ResourceAcls::encode() const {
  json::Acls message;
  message.set_version(1);
  for (const AclEntry& acl : acls) {
    auto& entry = *message.add_acls();
    entry.set_principal(acl.principal);
    entry.set_permissiontype(acl.permission);
    entry.set_operation(acl.operation);
    entry.set_host(acl.host);
  }
  return json::to_json(message);
}

Result<ResourceAcls> ResourceAcls::decode(std::string_view text) {
  if (text.empty()) return ResourceAcls{};
  auto message = json::from_json<json::Acls>(text);
  if (!message) return message.error();
  ResourceAcls decoded;
  for (const auto& entry : message->acls()) {
    decoded.acls.push_back({entry.principal(), entry.permissiontype(), entry.operation(), entry.host()});
  }
  return decoded;
}

std::string AclChange::encode_literal() const { return resource_type + ":" + name; }

Result<AclChange> AclChange::decode_literal(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) return json::malformed("ACL change", text);
  return AclChange{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::string AclChange::encode_extended() const {
  json::ExtendedChange message;
  message.set_version(1);
  message.set_resourcetype(resource_type);
  message.set_name(name);
  message.set_patterntype(pattern_type);
  return json::to_json(message);
}

Result<AclChange> AclChange::decode_extended(std::string_view text) {
  auto message = json::from_json<json::ExtendedChange>(text);
  if (!message) return message.error();
  if (message->version() > 1 || message->resourcetype().empty()) return json::malformed("ACL change", text);
  return AclChange{message->resourcetype(), message->name(), message->patterntype()};
}

}  // namespace gregor::zk
