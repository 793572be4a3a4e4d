#pragma once

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/describe_producers.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// DescribeProducers: version 0. What this broker's replicas know of those who produce to them (KIP-664).
class DescribeProducersApi final
    : public TypedApi<protocol::DescribeProducersRequest, protocol::DescribeProducersResponse> {
 public:
  DescribeProducersApi(Partitions& partitions, const MetadataCache& metadata)
      : partitions_(partitions), metadata_(metadata) {}

 protected:
  Task<protocol::DescribeProducersResponse> answer(RequestContext context,
                                                   protocol::DescribeProducersRequest request) override;

 private:
  using Response = protocol::DescribeProducersResponse;

  /// What is wrong with the topic as a whole: a code and its words.
  Result<void> check_topic(std::string_view topic) const;
  Response::Partition describe(TopicPartitionView name);

  Partitions& partitions_;
  const MetadataCache& metadata_;
};

}  // namespace gregor
