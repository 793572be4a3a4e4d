#pragma once

#include "broker/api/api.h"
#include "broker/config/broker_config.h"
#include "broker/config/describe.h"
#include "broker/coordination/zookeeper.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/describe_configs.h"
#include "broker/types/ids.h"

namespace gregor {

/// DescribeConfigs: versions 0 to 4, of topics and of this broker. Left out so far: dynamic options, broker loggers
/// and client metrics.
class DescribeConfigsApi final
    : public TypedApi<protocol::DescribeConfigsRequest, protocol::DescribeConfigsResponse> {
 public:
  DescribeConfigsApi(ZooKeeper& zookeeper, const MetadataCache& metadata, const BrokerConfig& config, BrokerId self,
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
  Result<std::vector<ConfigEntry>> broker_entries(std::string_view name) const;

  ZooKeeper& zookeeper_;
  const MetadataCache& metadata_;
  const BrokerConfig& config_;
  const BrokerId self_;
  Shard& zookeeper_shard_;
};

}  // namespace gregor
