#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/describe_cluster.h"

namespace gregor {

/// DescribeCluster: versions 0 and 1. Only brokers can be asked for: there are no KRaft controllers.
class DescribeClusterApi final
    : public TypedApi<protocol::DescribeClusterRequest, protocol::DescribeClusterResponse> {
 public:
  DescribeClusterApi(const MetadataCache& metadata, const std::string& cluster_id)
      : metadata_(metadata), cluster_id_(cluster_id) {}

 protected:
  Task<protocol::DescribeClusterResponse> answer(RequestContext context,
                                                 protocol::DescribeClusterRequest request) override;

 private:
  const MetadataCache& metadata_;
  const std::string& cluster_id_;
};

}  // namespace gregor
