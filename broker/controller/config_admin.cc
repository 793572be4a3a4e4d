#include "broker/controller/config_admin.h"

#include <fmt/format.h>

#include <charconv>

#include "broker/config/stored_options.h"
#include "broker/config/topic_config.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

namespace paths = zk::paths;

constexpr int kMaxTries = 20;

Error kafka_error(ErrorCode code, std::string message) { return Error{make_error_code(code), std::move(message)}; }

Error unknown_topic(const std::string& name) {
  return kafka_error(ErrorCode::unknown_topic_or_partition, "The topic '" + name + "' does not exist.");
}

std::string_view name_of(ConfigResourceType type) {
  switch (type) {
    case ConfigResourceType::topic:
      return "TOPIC";
    case ConfigResourceType::broker:
      return "BROKER";
    case ConfigResourceType::broker_logger:
      return "BROKER_LOGGER";
    case ConfigResourceType::client_metrics:
      return "CLIENT_METRICS";
  }
  return "UNKNOWN";
}

DynamicLevel level_of(const ConfigResource& broker) {
  return broker.name.empty() ? DynamicLevel::cluster : DynamicLevel::broker;
}

/// Somebody else wrote at the same time.
bool is_overtaken(const Error& error) {
  return error.is(ZkCode::bad_version) || error.is(ZkCode::node_exists) || error.is(ZkCode::no_node);
}

std::string names_in(const Properties& properties) {
  std::string names;
  for (const auto& [name, value] : properties) names += (names.empty() ? "" : ",") + name;
  return names;
}

}  // namespace

std::string ConfigResource::to_string() const {
  return fmt::format("ConfigResource(type={}, name='{}')", name_of(type), name);
}

Result<void> ConfigAdmin::check_self(const std::string& name, const std::string& noun) const {
  int32_t id = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) {
    return kafka_error(ErrorCode::invalid_request, noun + " id must be an integer, but it is: " + name);
  }
  if (id == self_.value) return {};
  return kafka_error(ErrorCode::invalid_request,
                     fmt::format("Unexpected broker id, expected {}, but received {}", self_.value, name));
}

Result<void> ConfigAdmin::check_resource(const ConfigResource& resource) const {
  if (resource.type == ConfigResourceType::broker) {
    return resource.name.empty() ? Result<void>() : check_self(resource.name, "Node");
  }
  if (resource.type != ConfigResourceType::topic) {
    return kafka_error(ErrorCode::invalid_request,
                       fmt::format("AlterConfigs is only supported for topics and brokers, but resource type is {}",
                                   name_of(resource.type)));
  }
  if (resource.name.empty()) {
    return kafka_error(ErrorCode::invalid_request, "Default topic resources are not allowed.");
  }
  if (metadata_.image().topic(resource.name) != nullptr) return {};
  return unknown_topic(resource.name);
}

Task<Result<ConfigAdmin::Stored>> ConfigAdmin::read(ConfigResource resource) {
  bool is_topic = resource.type == ConfigResourceType::topic;
  std::string broker = resource.name.empty() ? paths::kDefaultEntity : std::to_string(self_.value);
  std::string name = is_topic ? resource.name : broker;
  Stored stored;
  stored.path = paths::config(is_topic ? "topics" : "brokers", name);
  stored.entity = paths::config_entity(is_topic ? "topics" : "brokers", name);
  Result<ZkNode> node = co_await zookeeper_.get(stored.path, Watch::no);
  if (!node && node.error().is(ZkCode::no_node)) co_return stored;
  if (!node) co_return node.error();
  stored.version = node->stat.version;
  auto entity = zk::EntityConfig::decode(node->data);
  if (entity) {
    stored.properties = {entity->config.begin(), entity->config.end()};
  } else {
    log::warn("a configuration that can't be read is replaced path={} reason=\"{}\"", stored.path,
              entity.error().message);
  }
  if (!is_topic) stored.properties = options_from_stored(live_.get(), stored.properties, level_of(resource));
  co_return stored;
}

Result<void> ConfigAdmin::check_topic(const ConfigResource& resource, const Properties& wanted) const {
  if (auto named = TopicConfig::check_names(wanted); !named) return named;
  auto valid = TopicConfig::validate(live_.get(), wanted);
  if (valid) return valid;
  return kafka_error(ErrorCode::invalid_config, fmt::format("Invalid config value for resource {}: {}",
                                                            resource.to_string(), valid.error().message));
}

Result<void> ConfigAdmin::check(const ConfigResource& resource, const Properties& wanted) const {
  if (resource.type == ConfigResourceType::topic) return check_topic(resource, wanted);
  auto checked = dynamic_.check(level_of(resource), wanted);
  // For a broker Kafka calls the request wrong, not the option.
  if (!checked) return kafka_error(ErrorCode::invalid_request, checked.error().message);
  return {};
}

Task<Result<void>> ConfigAdmin::replace(ConfigResource resource, Properties wanted, bool validate_only) {
  if (auto checked = check_resource(resource); !checked) co_return checked;
  if (auto checked = check(resource, wanted); !checked || validate_only) co_return checked;
  Result<void> written;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    Result<Stored> stored = co_await read(resource);
    if (!stored) co_return stored.error();
    written = co_await write(resource, std::move(*stored), wanted);
    if (written || !is_overtaken(written.error())) co_return written;
  }
  co_return written;
}

Task<Result<void>> ConfigAdmin::alter(ConfigResource resource, std::vector<ConfigOperation> operations,
                                      bool validate_only) {
  if (auto checked = check_resource(resource); !checked) co_return checked;
  Result<void> written;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    Result<Stored> stored = co_await read(resource);
    if (!stored) co_return stored.error();
    auto wanted = after_operations(stored->properties, operations, resource.type);
    if (!wanted) co_return wanted.error();
    if (auto checked = check(resource, *wanted); !checked || validate_only) co_return checked;
    written = co_await write(resource, std::move(*stored), std::move(*wanted));
    if (written || !is_overtaken(written.error())) co_return written;
  }
  co_return written;
}

Task<Result<void>> ConfigAdmin::write(ConfigResource resource, Stored stored, Properties wanted) {
  zk::EntityConfig entity;
  if (resource.type == ConfigResourceType::topic) {
    entity.config = {wanted.begin(), wanted.end()};
  } else {
    auto storable = options_to_stored(live_.get(), wanted);
    if (!storable) {
      co_return kafka_error(ErrorCode::invalid_config, fmt::format("Invalid config value for resource {}: {}",
                                                                   resource.to_string(), storable.error().message));
    }
    entity.config = {storable->begin(), storable->end()};
  }
  // Both or none: a change that nobody hears of would take effect at some restart.
  std::string text = entity.encode();
  std::vector<ZkOp> ops;
  ops.push_back(stored.version ? ZkOp::set(stored.path, text, *stored.version) : ZkOp::create(stored.path, text));
  // A topic may be on its way out, and its configuration must not come back without it.
  bool is_topic = resource.type == ConfigResourceType::topic;
  if (is_topic) ops.push_back(ZkOp::check(paths::topic(resource.name), kAnyVersion));
  std::string notification = zk::ConfigChange{stored.entity}.encode();
  ops.push_back(ZkOp::create(paths::kConfigChangePrefix, notification, CreateMode::persistent_sequential));
  ZkMultiResult done = co_await zookeeper_.multi(std::move(ops));
  if (!done && is_topic && done.failed_op == 1) co_return unknown_topic(resource.name);
  if (!done) co_return done.error();
  log::info("configuration changed entity={} options=[{}]", stored.entity, names_in(wanted));
  co_return Result<void>();
}

}  // namespace gregor
