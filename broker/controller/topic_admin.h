#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/config/live_config.h"
#include "broker/coordination/zookeeper.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/types/ids.h"
#include "broker/types/uuid.h"
#include "runtime/random.h"

namespace gregor {

/// A topic as it is asked for. -1 for partitions or replication factor means the broker's default; an assignment
/// given by hand excludes both.
struct NewTopic {
  std::string name;
  int32_t partitions = -1;
  int32_t replication_factor = -1;
  std::map<int32_t, std::vector<BrokerId>> assignment;
  std::map<std::string, std::string> configs;
};

struct CreatedTopic {
  Uuid id;
  int32_t partitions = 0;
  int32_t replication_factor = 0;
};

/// Writes topics to ZooKeeper, where the controller sees them: creation, added partitions, the wish to delete.
///
/// Any broker may do so for topics created on the fly; CreateTopics, DeleteTopics and CreatePartitions go to the
/// controller. Everything is called on shard 0. Errors carry Kafka's codes and words.
class TopicAdmin {
 public:
  TopicAdmin(ZooKeeper& zookeeper, const MetadataCache& metadata, const LiveConfig& config, Random& random)
      : zookeeper_(zookeeper), metadata_(metadata), config_(config), random_(random) {}

  /// Errors: invalid_topic_exception, topic_already_exists, invalid_partitions, invalid_replication_factor,
  /// invalid_replica_assignment, invalid_config, invalid_request.
  Task<Result<CreatedTopic>> create(NewTopic topic, bool validate_only);
  /// Asks the controller to delete the topic. Errors: unknown_topic_or_partition.
  Task<Result<void>> request_deletion(std::string name);
  /// Waits until nothing is left of the topic in ZooKeeper, or another one has its name; yields whether that came
  /// before `deadline`. Soon after `gone` is stopped it gives up.
  Task<bool> wait_until_deleted(std::string name, Uuid id, Instant deadline, std::stop_token gone);
  /// Raises the number of partitions to `count`, the new ones placed by `assignment` when it is not empty. Errors:
  /// unknown_topic_or_partition, invalid_partitions, invalid_replica_assignment, reassignment_in_progress.
  Task<Result<void>> add_partitions(std::string name, int32_t count, std::vector<std::vector<BrokerId>> assignment,
                                    bool validate_only);

 private:
  using Assignment = std::map<int32_t, std::vector<BrokerId>>;

  std::vector<BrokerId> live_brokers() const;
  Result<Assignment> assign(const NewTopic& topic);
  Result<void> check_assignment(const Assignment& assignment) const;
  Task<Result<void>> write_new_topic(std::string name, Uuid id, Assignment assignment,
                                     std::map<std::string, std::string> configs);

  ZooKeeper& zookeeper_;
  const MetadataCache& metadata_;
  const LiveConfig& config_;
  Random& random_;
};

}  // namespace gregor
