#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/option.h"
#include "broker/config/topic_config.h"

namespace gregor {

/// Where a value comes from; the numbers are those that DescribeConfigs sends, strongest first.
enum class ConfigSource : int8_t {
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_config = 5,
  broker_logger = 6,
};

/// A place that sets the same thing.
struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::default_config;

  friend bool operator==(const ConfigSynonym&, const ConfigSynonym&) = default;
};

/// One option as DescribeConfigs answers it.
struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  ///< none also when it is sensitive
  bool read_only = false;
  ConfigSource source = ConfigSource::default_config;
  bool is_sensitive = false;
  std::vector<ConfigSynonym> synonyms;  ///< strongest first; the first one is where the value comes from
  OptionType type = OptionType::unknown;
  std::optional<std::string> documentation;

  bool is_default() const { return source == ConfigSource::default_config; }
};

/// All options of the broker, and what else it was started with. Internal ones appear where they are set. Of an
/// unknown key nobody knows whether it is a secret, so its value is not shown.
std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker);
/// What is set at run time for all brokers of the cluster.
std::vector<ConfigEntry> describe_cluster(const BrokerConfig& broker);
/// All options of a topic with the value that counts.
std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker, const TopicConfig& topic);

}  // namespace gregor
