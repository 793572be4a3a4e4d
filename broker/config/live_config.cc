#include "broker/config/live_config.h"

#include <utility>

namespace gregor {

LiveConfig::LiveConfig(const Shards& shards, BrokerConfig started_with) : shards_(shards), local_(shards.size()) {
  auto config = std::make_shared<const BrokerConfig>(std::move(started_with));
  for (size_t shard = 0; shard < local_.size(); ++shard) local_.at(shard) = config;
}

Task<void> LiveConfig::publish(std::shared_ptr<const BrokerConfig> config) {
  for (Shard* shard : shards_) {
    auto install = [this, &config] { local_.local() = config; };
    co_await on(*shard, install);
  }
}

}  // namespace gregor
