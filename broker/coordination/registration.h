#pragma once

#include <chrono>
#include <string>

#include "broker/coordination/zookeeper.h"
#include "broker/types/ids.h"
#include "runtime/clock.h"
#include "zk-schema/brokers.h"

namespace gregor {

/// Creates the persistent nodes that every broker expects, and their parents, where they are missing.
Task<Result<void>> ensure_persistent_paths(ZooKeeper& zookeeper);

/// Creates `path` as an empty persistent node, and its parents, where they are missing.
Task<Result<void>> ensure_path(ZooKeeper& zookeeper, std::string path);

/// The cluster's id: the one in /cluster/id or, in a new cluster, `proposed`, which is written there.
Task<Result<std::string>> cluster_id(ZooKeeper& zookeeper, std::string proposed);

/// A broker id that no other broker was ever given: above `reserved_max_id` (reserved.broker.max.id).
Task<Result<BrokerId>> generate_broker_id(ZooKeeper& zookeeper, int32_t reserved_max_id);

struct RegistrationOptions {
  /// How long the znode of a killed predecessor may stay. Its zookeeper.session.timeout.ms need not have been ours:
  /// servers grant up to 20 ticks of 2 seconds unless they are told otherwise.
  Duration longest_session = std::chrono::seconds(40);
  /// Servers end sessions on their ticks and notice late under load.
  Duration margin = std::chrono::seconds(6);
};

/// Registers a broker as alive, as an ephemeral node under its id, and returns its broker epoch (KIP-380).
///
/// To be called once the broker has bound its ports. When the id is taken by a predecessor of ours that was killed
/// and whose session has not ended yet, waits for that. Errors: node_exists, naming the address, when the id
/// belongs to another broker that is alive.
Task<Result<BrokerEpoch>> register_broker(ZooKeeper& zookeeper, const Clock& clock, zk::BrokerRegistration broker,
                                          RegistrationOptions options);

}  // namespace gregor
