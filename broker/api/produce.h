#pragma once

#include <vector>

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/metrics/topic_metrics.h"
#include "broker/protocol/produce.h"
#include "broker/record/conversion.h"
#include "broker/record/recompression.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// Produce: versions 0 to 11, with acks 0, 1 and all. Left out so far: asking the transaction coordinator, so that
/// transactional records are refused unless transaction.partition.verification.enable is off.
///
/// Every partition's batch is checked and appended on the shard that owns the partition, straight out of the frame.
/// Message sets of magic 0 and 1, which versions 0 to 2 bring, first become batches, and batches in another codec
/// than compression.type wants are compressed anew: both in the background, since they may take many milliseconds,
/// in which a shard could serve others.
class ProduceApi final : public Api {
 public:
  ProduceApi(Partitions& partitions, const MetadataCache& metadata, TopicMetrics& metrics, const Shards& shards,
             BackgroundPool& pool)
      : partitions_(partitions), metadata_(metadata), metrics_(metrics), shards_(shards), pool_(pool) {}

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
    Buffer rewritten;  ///< what `records` are a view of, where they did not come as they are stored
    /// Set where the partition wants another codec: how the records are rewritten before they are appended.
    std::optional<ProduceRules> rewriting_rules;
    bool is_appended = false;  ///< or refused
    ErrorCode error = ErrorCode::none;
    std::string error_message;
    std::vector<RecordError> record_errors;
    AppendInfo appended;
    bool is_replicated = false;
    bool needs_flush = false;
    BrokerId leader = kNoBroker;
    LeaderEpoch leader_epoch = kNoEpoch;
  };

  /// Frees what the records of appended items take, and all else of the request but the names of its topics, which
  /// `names` keeps: the answer may have to wait for followers, whose fetches need memory.
  static void let_go_of_records(Request& request, std::vector<Item>& items, std::string& names,
                                RequestFrame& frame);
  static bool is_waiting(const Item& item) { return item.error == ErrorCode::none && !item.is_appended; }
  /// Makes batches of the message sets among the items' records.
  Task<void> convert_up_all(std::vector<Item>& items);
  std::optional<UpConversionRules> up_conversion_rules(Item& item);
  /// Compresses anew what append_all left aside for that.
  Task<void> recompress_all(std::vector<Item>& items);
  Partition* find_or_refuse(Item& item);
  /// Appends what is not appended yet, but for batches in a codec that their partition does not want.
  Task<void> append_all(std::vector<Item>& items, int16_t acks, int16_t version);
  void append(Item& item, int16_t acks, int16_t version);
  /// flush.messages: waits until what was appended is on the disk.
  Task<void> flush_where_needed(std::vector<Item>& items);
  void count_refusal(const Item& item, const Partition& partition, const ProduceOutcome& outcome);
  /// Yields how long that took.
  Task<Duration> await_replication(std::vector<Item>& items, Duration timeout);
  Task<ErrorCode> wait_for_one(TopicPartitionView name, Offset end, Duration timeout);
  Response response_of(const Request& request, const std::vector<Item>& items, const RequestContext& context) const;

  Partitions& partitions_;
  const MetadataCache& metadata_;
  TopicMetrics& metrics_;
  const Shards& shards_;
  BackgroundPool& pool_;
};

}  // namespace gregor
