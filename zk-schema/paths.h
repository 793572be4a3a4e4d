#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Every path that Kafka 3.9 uses in ZooKeeper, relative to the chroot.
namespace gregor::zk::paths {

inline constexpr const char* kCluster = "/cluster";
inline constexpr const char* kClusterId = "/cluster/id";
inline constexpr const char* kBrokerIds = "/brokers/ids";
inline constexpr const char* kBrokerSequenceId = "/brokers/seqid";
inline constexpr const char* kTopics = "/brokers/topics";
inline constexpr const char* kController = "/controller";
inline constexpr const char* kControllerEpoch = "/controller_epoch";
inline constexpr const char* kConfig = "/config";
inline constexpr const char* kConfigChanges = "/config/changes";
inline constexpr const char* kConfigChangePrefix = "/config/changes/config_change_";
inline constexpr const char* kDeleteTopics = "/admin/delete_topics";
inline constexpr const char* kReassignPartitions = "/admin/reassign_partitions";
inline constexpr const char* kPreferredReplicaElection = "/admin/preferred_replica_election";
inline constexpr const char* kIsrChanges = "/isr_change_notification";
inline constexpr const char* kIsrChangePrefix = "/isr_change_notification/isr_change_";
inline constexpr const char* kLogDirEvents = "/log_dir_event_notification";
inline constexpr const char* kLogDirEventPrefix = "/log_dir_event_notification/log_dir_event_";
inline constexpr const char* kLatestProducerIdBlock = "/latest_producer_id_block";
inline constexpr const char* kFeature = "/feature";
inline constexpr const char* kMigration = "/migration";
inline constexpr const char* kConsumers = "/consumers";
inline constexpr const char* kAcl = "/kafka-acl";
inline constexpr const char* kExtendedAcl = "/kafka-acl-extended";
inline constexpr const char* kAclChanges = "/kafka-acl-changes";
inline constexpr const char* kAclChangePrefix = "/kafka-acl-changes/acl_changes_";
inline constexpr const char* kExtendedAclChanges = "/kafka-acl-extended-changes";
inline constexpr const char* kExtendedAclChangePrefix = "/kafka-acl-extended-changes/acl_changes_";
inline constexpr const char* kDelegationTokens = "/delegation_token/tokens";
inline constexpr const char* kDelegationTokenChanges = "/delegation_token/token_changes";
inline constexpr const char* kDelegationTokenChangePrefix = "/delegation_token/token_changes/token_change_";

/// The name under /config/<type> that stands for every entity without one of its own.
inline constexpr const char* kDefaultEntity = "<default>";

/// The persistent, empty nodes that a broker makes sure of before anything else, without their parents.
const std::vector<std::string>& persistent();

std::string broker(int32_t id);
std::string topic(std::string_view topic);
std::string partitions(std::string_view topic);
std::string partition(std::string_view topic, int32_t partition);
std::string partition_state(std::string_view topic, int32_t partition);

std::string delete_topic(std::string_view topic);

/// /config/<type>; type is topics, brokers, clients, users or ips.
std::string config_type(std::string_view type);
/// /config/<type>/<name>, the name as it stands in the path: sanitised by the caller where the type asks for it
/// (users, clients, and quota entities), `kDefaultEntity` for the default.
std::string config(std::string_view type, std::string_view name);
/// What a config change notification names: <type>/<name>.
std::string config_entity(std::string_view type, std::string_view name);
/// users/<user>/clients/<client>, below /config.
std::string user_client_entity(std::string_view user, std::string_view client);

/// /kafka-acl/<Type>/<name>.
std::string literal_acl(std::string_view resource_type, std::string_view name);
/// /kafka-acl-extended/<pattern>/<Type>/<name>; the pattern is in lower case, for example prefixed.
std::string extended_acl(std::string_view pattern, std::string_view resource_type, std::string_view name);
std::string delegation_token(std::string_view token_id);
std::string consumer_offset(std::string_view group, std::string_view topic, int32_t partition);

/// `name` in the URL encoding that Kafka uses for users and client ids in paths; safe as one path component.
std::string sanitize(std::string_view name);
/// The name that `sanitize` was given, or none when `encoded` is no URL encoding.
std::optional<std::string> desanitize(std::string_view encoded);

/// The path above `path`; "/" for a path of one component.
std::string parent(std::string_view path);
/// The last component.
std::string_view name(std::string_view path);
/// The number that ZooKeeper appended to a sequential node's path, or none.
std::optional<int64_t> sequence_number(std::string_view path);

}  // namespace gregor::zk::paths
