#pragma once

#include <string>
#include <vector>

#include "broker/config/dynamic_config.h"
#include "broker/config/properties.h"
#include "broker/coordination/zookeeper.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/types/ids.h"

namespace gregor {

/// What a configuration belongs to; the numbers are those of requests.
enum class ConfigResourceType : int8_t { topic = 2, broker = 4, broker_logger = 8, client_metrics = 16 };

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::topic;
  std::string name;  ///< a topic, or a broker's id; empty is every broker

  /// As Kafka prints it: ConfigResource(type=TOPIC, name='orders').
  std::string to_string() const;
};

/// One change of one option; the numbers of the operations are those of requests.
struct ConfigOperation {
  enum class Kind : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
  std::string name;
  Kind kind = Kind::set;
  std::string value;
};

/// What becomes of `properties` by `operations`. A list that is not set begins as its default. Error:
/// invalid_config where something is appended to or subtracted from what is no list.
Result<Properties> after_operations(Properties properties, const std::vector<ConfigOperation>& operations,
                                    ConfigResourceType type);

/// Changes the configuration of topics and brokers: checks it, writes it below /config and tells every broker. Any
/// broker may do so. Everything is called on shard 0. Errors carry Kafka's codes and words.
class ConfigAdmin {
 public:
  ConfigAdmin(BrokerId self, ZooKeeper& zookeeper, const MetadataCache& metadata, const LiveConfig& live,
              const DynamicConfig& dynamic)
      : self_(self), zookeeper_(zookeeper), metadata_(metadata), live_(live), dynamic_(dynamic) {}

  /// Puts `wanted` in the place of what is set. Errors: unknown_topic_or_partition, invalid_config,
  /// invalid_request.
  Task<Result<void>> replace(ConfigResource resource, Properties wanted, bool validate_only);
  /// Changes what is set, option by option. Errors: the same.
  Task<Result<void>> alter(ConfigResource resource, std::vector<ConfigOperation> operations, bool validate_only);
  /// Error: invalid_request unless `name` is this broker's id.
  Result<void> check_self(const std::string& name, const std::string& noun) const;

 private:
  /// What is set now, and where.
  struct Stored {
    std::string path;
    std::string entity;  ///< the path below /config
    Properties properties;
    std::optional<int32_t> version;  ///< of the znode; none where there is none
  };

  Result<void> check_resource(const ConfigResource& resource) const;
  Task<Result<Stored>> read(ConfigResource resource);
  /// Error unless the resource may be given `wanted`.
  Result<void> check(const ConfigResource& resource, const Properties& wanted) const;
  Result<void> check_topic(const ConfigResource& resource, const Properties& wanted) const;
  Task<Result<void>> write(ConfigResource resource, Stored stored, Properties wanted);

  const BrokerId self_;
  ZooKeeper& zookeeper_;
  const MetadataCache& metadata_;
  const LiveConfig& live_;
  const DynamicConfig& dynamic_;
};

}  // namespace gregor
