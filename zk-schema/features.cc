#include "zk-schema/features.h"

#include "features.pb.h"
#include "zk-schema/json.h"

namespace gregor::zk {
namespace {

bool is_valid(int32_t version, const json::LevelV1& level) {
  if (!level.has_max_version_level() || level.max_version_level() < 1) return false;
  if (version == 2) return true;
  return level.has_min_version_level() && level.min_version_level() >= 1 &&
         level.min_version_level() <= level.max_version_level();
}

}  // namespace

std::string FinalizedFeatures::encode() const {
  json::Features message;
  message.set_version(2);
  message.set_status(enabled ? 1 : 0);
  for (const auto& [name, level] : max_levels) (*message.mutable_features())[name].set_max_version_level(level);
  return json::to_json(message);
}

std::string FinalizedFeatures::encode_v1() const {
  json::FeaturesV1 message;
  message.set_version(1);
  message.set_status(enabled ? 1 : 0);
  for (const auto& [name, level] : max_levels) {
    auto& written = (*message.mutable_features())[name];
    written.set_max_version_level(level);
    written.set_min_version_level(level);
  }
  return json::to_json(message);
}

Result<FinalizedFeatures> FinalizedFeatures::decode(std::string_view text) {
  auto message = json::from_json<json::FeaturesV1>(text);
  if (!message) return message.error();
  int32_t version = message->version();
  if (version < 1 || version > 2) return json::malformed("feature", text);
  if (!message->has_status() || message->status() < 0 || message->status() > 1)
    return json::malformed("feature", text);
  FinalizedFeatures decoded;
  decoded.enabled = message->status() == 1;
  for (const auto& [name, level] : message->features()) {
    if (!is_valid(version, level)) return json::malformed("feature", text);
    decoded.max_levels[name] = level.max_version_level();
  }
  return decoded;
}

}  // namespace gregor::zk
