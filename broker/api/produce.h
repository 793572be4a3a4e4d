#pragma once

#include <vector>

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/protocol/produce.h"
#include "broker/record/conversion.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// Produce: versions 0 to 11, with acks 0, 1 and all. Left out so far: idempotent and transactional producers
/// (InitProducerId is not served).
///
/// Every partition's batch is checked and appended on the shard that owns the partition, straight out of the frame.
/// Message sets of magic 0 and 1, which versions 0 to 2 bring, first become batches, in the background.
class ProduceApi final : public Api {
 public:
  ProduceApi(Partitions& partitions, const MetadataCache& metadata, const Shards& shards, BackgroundPool& pool)
      : partitions_(partitions), metadata_(metadata), shards_(shards), pool_(pool) {}

  protocol::ApiKey key() const override { return protocol::ApiKey::produce; }
  Task<Reply> handle(RequestContext context, ByteReader body) override;

 private:
  using Request = protocol::ProduceRequest;
  using Response = protocol::ProduceResponse;

  /// One partition of the request, on its way.
  struct Item {
    Item(TopicPartitionView partition, protocol::Records batch) : name(partition), records(batch) {}

    TopicPartitionView name;
    protocol::Records records;
    Buffer converted;  ///< what `records` are a view of, where they did not come as a batch
    ErrorCode error = ErrorCode::none;
    std::string error_message;
    std::vector<RecordError> record_errors;
    AppendInfo appended;
    bool is_replicated = false;
    bool needs_flush = false;
    BrokerId leader = kNoBroker;
    LeaderEpoch leader_epoch = kNoEpoch;
  };

  /// Makes batches of the message sets among the items' records.
  Task<void> convert_up_all(std::vector<Item>& items);
  std::optional<UpConversionRules> up_conversion_rules(Item& item);
  Partition* find_or_refuse(Item& item);
  Task<void> append_all(std::vector<Item>& items, int16_t acks, int16_t version);
  void append(Item& item, int16_t acks, int16_t version);
  /// flush.messages: waits until what was appended is on the disk.
  Task<void> flush_where_needed(std::vector<Item>& items);
  Task<void> await_replication(std::vector<Item>& items, Duration timeout);
  Task<ErrorCode> wait_for_one(TopicPartitionView name, Offset end, Duration timeout);
  Response response_of(const Request& request, const std::vector<Item>& items, const RequestContext& context) const;

  Partitions& partitions_;
  const MetadataCache& metadata_;
  const Shards& shards_;
  BackgroundPool& pool_;
};

}  // namespace gregor
