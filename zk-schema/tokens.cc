#include "zk-schema/tokens.h"

#include "tokens.pb.h"
#include "zk-schema/json.h"
#include "zk-schema/paths.h"

namespace gregor::zk {
namespace {

constexpr int32_t kWrittenVersion = 3;
constexpr double kMaxExact = 9007199254740992.0;  // 2^53

bool is_valid(const json::Token& token) {
  for (double time : {token.issuetimestamp(), token.maxtimestamp(), token.expirytimestamp()}) {
    if (!(time >= -kMaxExact && time <= kMaxExact)) return false;
  }
  if (token.version() < 1 || token.version() > kWrittenVersion || !token.has_tokenid()) return false;
  return token.version() < 3 || token.has_tokenrequester();
}

std::string plain(const std::string& sanitized) { return paths::desanitize(sanitized).value_or(sanitized); }

}  // namespace

std::string DelegationToken::encode() const {
  json::Token token;
  token.set_version(kWrittenVersion);
  token.set_owner(paths::sanitize(owner));
  token.set_tokenrequester(paths::sanitize(requester));
  for (const std::string& renewer : renewers) token.add_renewers(paths::sanitize(renewer));
  token.set_issuetimestamp(static_cast<double>(issue_timestamp_ms));
  token.set_maxtimestamp(static_cast<double>(max_timestamp_ms));
  token.set_expirytimestamp(static_cast<double>(expiry_timestamp_ms));
  token.set_tokenid(token_id);
  return json::to_json(token);
}

Result<DelegationToken> DelegationToken::decode(std::string_view text) {
  auto token = json::from_json<json::Token>(text);
  if (!token) return token.error();
  if (!is_valid(*token)) return json::malformed("delegation token", text);
  DelegationToken decoded;
  decoded.token_id = token->tokenid();
  decoded.owner = plain(token->owner());
  decoded.requester = token->version() >= 3 ? plain(token->tokenrequester()) : decoded.owner;
  for (const std::string& renewer : token->renewers()) decoded.renewers.push_back(plain(renewer));
  decoded.issue_timestamp_ms = static_cast<int64_t>(token->issuetimestamp());
  decoded.max_timestamp_ms = static_cast<int64_t>(token->maxtimestamp());
  decoded.expiry_timestamp_ms = static_cast<int64_t>(token->expirytimestamp());
  return decoded;
}

}  // namespace gregor::zk
