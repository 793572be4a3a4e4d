#pragma once

#include <map>
#include <optional>
#include <string>

#include "broker/types/ids.h"
#include "runtime/file.h"

namespace gregor {

/// `meta.properties` of a log directory: whose data it holds. Keys that we do not use are kept.
struct MetaProperties {
  std::map<std::string, std::string> values;

  std::optional<BrokerId> broker_id() const;
  std::optional<std::string> cluster_id() const;
  /// What ZooKeeper mode writes: version 0, broker.id and cluster.id.
  static MetaProperties of(BrokerId broker_id, const std::string& cluster_id);
};

/// An id that a log directory must agree with, and where it was found, as text for the operator: "ZooKeeper at
/// host:2181", "server.properties".
struct ExpectedId {
  std::string id;
  std::string source;
};

/// Reads the file; none when there is none, as in a new directory. Errors: kafka_storage_error for a malformed line
/// or a version other than 0 (1 belongs to KRaft).
Result<std::optional<MetaProperties>> read_meta_properties(FileSystem& files, const std::string& path);
/// Replaces the file, durably.
Result<void> write_meta_properties(FileSystem& files, const std::string& path, const MetaProperties& properties);

/// Checks that the directory belongs to this broker and cluster. What the file does not mention is not checked, nor
/// is an id that is not given. Errors: inconsistent_cluster_id or invalid_config (broker.id), with a message that
/// names both ids, both places and the two ways out.
Result<void> check_meta_properties(const MetaProperties& properties, const std::string& path,
                                   const std::optional<ExpectedId>& broker_id,
                                   const std::optional<ExpectedId>& cluster_id);

}  // namespace gregor
