#pragma once

#include <memory>

#include "broker/config/broker_config.h"
#include "runtime/shard.h"

namespace gregor {

/// The broker's options as they are now, at hand on every shard. A change is a new BrokerConfig, made on shard 0
/// and then given to all; each shard sees the changes in order, though not at the same moment.
class LiveConfig {
 public:
  LiveConfig(const Shards& shards, BrokerConfig started_with);

  /// The options on this shard; valid until the calling code suspends.
  const BrokerConfig& get() const { return *local_.local(); }
  /// The same, kept alive by the caller.
  std::shared_ptr<const BrokerConfig> snapshot() const { return local_.local(); }

  /// Makes `config` what counts on every shard and returns once all have it. On shard 0, one call at a time.
  Task<void> publish(std::shared_ptr<const BrokerConfig> config);

 private:
  const Shards& shards_;
  PerShard<std::shared_ptr<const BrokerConfig>> local_;
};

}  // namespace gregor
