#include "broker/replica/topic_settings.h"

#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/config.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

LogConfig log_config(const TopicConfig& topic) {
  LogConfig log;
  log.segment_size_bytes = static_cast<uint64_t>(topic.get(topic_options::segment_bytes));
  log.index_size_max_bytes = static_cast<uint32_t>(topic.get(topic_options::segment_index_bytes));
  log.index_interval_bytes = static_cast<uint32_t>(topic.get(topic_options::index_interval_bytes));
  log.segment_ms = topic.get(topic_options::segment_ms);
  log.segment_jitter_ms = topic.get(topic_options::segment_jitter_ms);
  log.preallocate = topic.get(topic_options::preallocate);
  log.is_compacted = topic.is_compacted();
  return log;
}

LogRetention log_retention(const TopicConfig& topic) {
  if (!topic.is_deleted_by_age()) return {};
  return {topic.get(topic_options::retention_ms), topic.get(topic_options::retention_bytes)};
}

/// What compression.type means; none for `producer`.
std::optional<CompressionTarget> stored_in(const TopicConfig& topic) {
  std::string type = topic.get(topic_options::compression_type);
  if (type == "producer") return std::nullopt;
  if (type == "gzip") return CompressionTarget{Compression::gzip, topic.get(topic_options::compression_gzip_level)};
  if (type == "snappy") return CompressionTarget{Compression::snappy};
  if (type == "lz4") return CompressionTarget{Compression::lz4, topic.get(topic_options::compression_lz4_level)};
  if (type == "zstd") return CompressionTarget{Compression::zstd, topic.get(topic_options::compression_zstd_level)};
  return CompressionTarget{Compression::none};
}

Result<Properties> overrides_of(const Result<ZkNode>& node) {
  if (!node) {
    if (node.error().is(ZkCode::no_node)) return Properties{};
    return node.error();
  }
  auto entity = zk::EntityConfig::decode(node->data);
  if (!entity) return entity.error();
  return Properties(entity->config.begin(), entity->config.end());
}

PartitionSettings settings_of(const BrokerConfig& broker, const std::string& topic,
                              const Result<Properties>& overrides) {
  if (overrides) {
    if (auto settings = partition_settings(broker, *overrides)) return *settings;
  }
  log::error("could not understand a topic's configuration, taking the broker's topic={}", topic);
  return default_partition_settings(broker);
}

}  // namespace

PartitionSettings partition_settings(const BrokerConfig& broker, const TopicConfig& topic) {
  PartitionSettings settings;
  settings.log = log_config(topic);
  settings.log.producer_expiration_ms = broker.get(options::producer_id_expiration_ms);
  settings.verifies_transactions = broker.get(options::transaction_partition_verification_enable);
  settings.retention = log_retention(topic);
  settings.is_deleted_by_age = topic.is_deleted_by_age();
  settings.flush_messages = topic.get(topic_options::flush_messages);
  settings.flush_ms = topic.get(topic_options::flush_ms);
  settings.min_insync_replicas = topic.get(topic_options::min_insync_replicas);
  settings.converts_down = topic.get(topic_options::message_downconversion_enable);
  settings.file_delete_delay_ms = topic.get(topic_options::file_delete_delay_ms);
  ProduceRules& rules = settings.produce_rules;
  rules.max_message_bytes = static_cast<uint32_t>(topic.get(topic_options::max_message_bytes));
  rules.needs_keys = topic.is_compacted();
  rules.timestamp_type = topic.get(topic_options::message_timestamp_type) == "LogAppendTime"
                             ? TimestampType::log_append_time
                             : TimestampType::create_time;
  rules.timestamp_before_max_ms = topic.message_timestamp_before_max_ms();
  rules.timestamp_after_max_ms = topic.message_timestamp_after_max_ms();
  rules.stored_in = stored_in(topic);
  if (!topic.overrides().empty()) settings.overrides = std::make_shared<const Properties>(topic.overrides());
  return settings;
}

Result<PartitionSettings> partition_settings(const BrokerConfig& broker, const Properties& overrides) {
  auto config = TopicConfig::create(broker, overrides);
  if (!config) return config.error();
  return partition_settings(broker, *config);
}

PartitionSettings renewed_settings(const BrokerConfig& broker, const PartitionSettings& settings) {
  auto renewed = partition_settings(broker, settings.overrides ? *settings.overrides : Properties());
  ASSERT(renewed.ok());  // the overrides were read before, and the broker's own values are in order
  return *renewed;
}

std::vector<size_t> options_behind_topics() {
  std::vector<size_t> behind{options::producer_id_expiration_ms.index,
                             options::transaction_partition_verification_enable.index};
  for (const OptionInfo& option : topic_option_table()) {
    if (option.source.option >= 0) behind.push_back(static_cast<size_t>(option.source.option));
  }
  return behind;
}

PartitionSettings default_partition_settings(const BrokerConfig& broker) {
  auto config = TopicConfig::create(broker, {});
  ASSERT(config.ok());
  return partition_settings(broker, *config);
}

Task<Result<Properties>> read_topic_overrides(ZooKeeper& zookeeper, std::string topic) {
  Result<ZkNode> node = co_await zookeeper.get(zk::paths::config("topics", topic), Watch::no);
  co_return overrides_of(node);
}

Task<Result<std::map<std::string, PartitionSettings>>> read_topic_settings(ZooKeeper& zookeeper,
                                                                           const LiveConfig& broker,
                                                                           std::set<std::string> topics) {
  std::vector<std::string> paths;
  for (const auto& topic : topics) paths.push_back(zk::paths::config("topics", topic));
  std::vector<Result<ZkNode>> nodes = co_await zookeeper.get_all(std::move(paths), Watch::no);
  std::map<std::string, PartitionSettings> settings;
  size_t i = 0;
  for (const auto& topic : topics) {
    Result<Properties> overrides = overrides_of(nodes[i++]);
    bool is_lost =
        !overrides && (overrides.error().is(ZkCode::session_expired) || overrides.error().is(ZkCode::closed));
    if (is_lost) co_return overrides.error();
    settings.emplace(topic, settings_of(broker.get(), topic, overrides));
  }
  co_return settings;
}

}  // namespace gregor
