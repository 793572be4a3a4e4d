#include "zk-schema/paths.h"

#include <fmt/format.h>

#include <charconv>

namespace gregor::zk::paths {
namespace {

constexpr size_t kSequenceDigits = 10;

bool stays_as_is(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

const std::vector<std::string>& persistent() {
  static const std::vector<std::string> all{kConsumers,
                                            kBrokerIds,
                                            kTopics,
                                            kConfigChanges,
                                            kDeleteTopics,
                                            kBrokerSequenceId,
                                            kIsrChanges,
                                            config_type("topics"),
                                            config_type("clients"),
                                            config_type("users"),
                                            config_type("brokers"),
                                            config_type("ips"),
                                            kLatestProducerIdBlock,
                                            kLogDirEvents};
  return all;
}

std::string broker(int32_t id) { return fmt::format("{}/{}", kBrokerIds, id); }
std::string topic(std::string_view topic) { return fmt::format("{}/{}", kTopics, topic); }
std::string partitions(std::string_view topic) { return fmt::format("{}/{}/partitions", kTopics, topic); }
std::string partition(std::string_view topic, int32_t partition) {
  return fmt::format("{}/{}/partitions/{}", kTopics, topic, partition);
}
std::string partition_state(std::string_view topic, int32_t partition) {
  return fmt::format("{}/{}/partitions/{}/state", kTopics, topic, partition);
}

std::string delete_topic(std::string_view topic) { return fmt::format("{}/{}", kDeleteTopics, topic); }

std::string config_type(std::string_view type) { return fmt::format("{}/{}", kConfig, type); }
std::string config(std::string_view type, std::string_view name) {
  return fmt::format("{}/{}/{}", kConfig, type, name);
}
std::string config_entity(std::string_view type, std::string_view name) { return fmt::format("{}/{}", type, name); }
std::string user_client_entity(std::string_view user, std::string_view client) {
  return fmt::format("users/{}/clients/{}", user, client);
}

std::string literal_acl(std::string_view resource_type, std::string_view name) {
  return fmt::format("{}/{}/{}", kAcl, resource_type, name);
}
std::string extended_acl(std::string_view pattern, std::string_view resource_type, std::string_view name) {
  return fmt::format("{}/{}/{}/{}", kExtendedAcl, pattern, resource_type, name);
}
std::string delegation_token(std::string_view token_id) {
  return fmt::format("{}/{}", kDelegationTokens, token_id);
}
std::string consumer_offset(std::string_view group, std::string_view topic, int32_t partition) {
  return fmt::format("{}/{}/offsets/{}/{}", kConsumers, group, topic, partition);
}

// Java's URLEncoder leaves letters, digits and "-_.*" alone and turns a space into "+"; Kafka then writes "*" and
// "+" as percent escapes, too.
std::string sanitize(std::string_view name) {
  std::string encoded;
  for (char c : name) {
    if (stays_as_is(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::optional<std::string> desanitize(std::string_view encoded) {
  std::string name;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '+') {
      name += ' ';
    } else if (encoded[i] != '%') {
      name += encoded[i];
    } else {
      if (encoded.size() - i < 3) return std::nullopt;
      auto high = hex_digit(encoded[i + 1]);
      auto low = hex_digit(encoded[i + 2]);
      if (!high || !low) return std::nullopt;
      name += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  return name;
}

std::string parent(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string_view name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::optional<int64_t> sequence_number(std::string_view path) {
  if (path.size() < kSequenceDigits) return std::nullopt;
  std::string_view digits = path.substr(path.size() - kSequenceDigits);
  int64_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace gregor::zk::paths
