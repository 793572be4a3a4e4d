#pragma once

#include "broker/api/api.h"
#include "broker/config/describe.h"
#include "broker/config/live_config.h"
#include "broker/coordination/zookeeper.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/describe_configs.h"
#include "broker/types/ids.h"

namespace gregor {

/// DescribeConfigs: versions 0 to 4, of topics, of this broker, of what is set for the whole cluster, and of this
/// broker's loggers. Client metrics are refused, as by every broker on ZooKeeper.
class DescribeConfigsApi final
    : public TypedApi<protocol::DescribeConfigsRequest, protocol::DescribeConfigsResponse> {
 public:
  DescribeConfigsApi(ZooKeeper& zookeeper, const MetadataCache& metadata, const LiveConfig& config, BrokerId self,
                     Shard& zookeeper_shard)
      : zookeeper_(zookeeper),
        metadata_(metadata),
        config_(config),
        self_(self),
        zookeeper_shard_(zookeeper_shard) {}

 protected:
  Task<protocol::DescribeConfigsResponse> answer(RequestContext context,
                                                 protocol::DescribeConfigsRequest request) override;

 private:
  using Request = protocol::DescribeConfigsRequest;
  using Response = protocol::DescribeConfigsResponse;

  Task<Result<std::vector<ConfigEntry>>> entries_of(Request::Resource resource);
  Task<Result<std::vector<ConfigEntry>>> topic_entries(std::string topic);
  Result<std::vector<ConfigEntry>> broker_entries(const std::string& name) const;
  Result<std::vector<ConfigEntry>> logger_entries(const std::string& name) const;
  Result<void> check_broker(const std::string& name, const char* alternative) const;

  ZooKeeper& zookeeper_;
  const MetadataCache& metadata_;
  const LiveConfig& config_;
  const BrokerId self_;
  Shard& zookeeper_shard_;
};

}  // namespace gregor
