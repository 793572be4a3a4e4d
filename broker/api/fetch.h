#pragma once

#include <vector>

#include "broker/api/api.h"
#include "broker/api/fetch_session.h"
#include "broker/api/fetch_session_metrics.h"
#include "broker/config/broker_config.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/metrics/topic_metrics.h"
#include "broker/protocol/fetch.h"
#include "broker/replica/partitions.h"

namespace gregor {

/// Fetch: versions 0 to 17, from consumers: long polling, incremental sessions, topic ids; records go out of the
/// segment files by sendfile, but for versions before 4, whose clients get message sets of magic 0 or 1 made in
/// memory. Left out so far: replicas (replica_id >= 0).
class FetchApi final : public Api {
 public:
  FetchApi(Partitions& partitions, const MetadataCache& metadata, TopicMetrics& metrics, const Shards& shards,
           BackgroundPool& pool, const BrokerConfig& config, Random& random);

  protocol::ApiKey key() const override { return protocol::ApiKey::fetch; }
  Task<Reply> handle(RequestContext context, ByteReader body) override;
  MetricSource& session_metrics() { return session_metrics_; }

 private:
  using Request = protocol::FetchRequest;
  using Response = protocol::FetchResponse;

  /// One partition of the fetch and what was read of it.
  struct Item {
    FetchPartition wanted;
    Shard* shard = nullptr;  ///< that the partition lives on; null where the topic is not known
    ErrorCode error = ErrorCode::none;
    ReadOutcome outcome;
    LeaderEpoch leader_epoch = kNoEpoch;
    bool converts_down = true;  ///< the topic's message.downconversion.enable
    Buffer converted;           ///< the answer's records in place of outcome.data, for versions before 4
  };
  /// What the request's session says: which partitions to read, or why not.
  struct Plan {
    ErrorCode error = ErrorCode::none;
    std::vector<FetchPartition> partitions;
    int32_t session_id = 0;
    bool is_incremental = false;
  };
  struct Limits {
    int64_t max_bytes = 0;
    int64_t min_bytes = 0;
    Duration max_wait{};
    int16_t version = 0;
    bool read_committed = false;
  };

  Limits limits_of(const Request& request, const RequestContext& context) const;
  Task<Plan> plan(Request& request, int16_t version);
  Plan plan_incremental(const Request& request, bool uses_topic_ids);
  Task<int32_t> begin_session(std::vector<FetchPartition> partitions, bool uses_topic_ids);
  Shard& shard_of_session(int32_t session_id) const;

  /// Fills in what the request left out, topic name or id; an unknown topic becomes the item's error.
  std::vector<Item> items_of(std::vector<FetchPartition> partitions, int16_t version) const;
  /// Reads, and while there is not enough, waits and reads again. Yields how long it waited.
  Task<Duration> read_when_ready(std::vector<Item>& items, Limits limits, std::stop_token gone);
  /// Reads the items that live on `shards`, one shard after the other; in the same visit `waiter`, unless it is
  /// null, is left with those partitions while there is not enough.
  Task<void> read_on(std::vector<Shard*> shards, std::vector<Item>& items, Limits limits,
                     std::shared_ptr<FetchWaiter> waiter);
  /// The same for the calling shard.
  void read_here(std::vector<Item>& items, const Limits& limits, const std::shared_ptr<FetchWaiter>& waiter);
  /// Yields how many bytes there are in `item`, of an answer that has `bytes_before`.
  int64_t read(Item& item, int64_t bytes_before, const Limits& limits, const std::shared_ptr<FetchWaiter>& waiter);
  /// All shards, that of the first partition first: clients rotate the order so that every partition gets its turn.
  std::vector<Shard*> shards_in_turn(const std::vector<Item>& items) const;
  /// Whether the answer need not wait for more.
  static bool is_conclusive(const std::vector<Item>& items, const Limits& limits);
  static int64_t bytes_of(const std::vector<Item>& items);
  /// Turns what was read into what versions before 4 understand.
  Task<void> convert_down_all(std::vector<Item>& items, int16_t version);

  Reply reply(const RequestContext& context, const Plan& plan, std::vector<Item>& items, std::vector<bool> taken);
  Task<std::vector<bool>> taken_by_session(const Plan& plan, const std::vector<Item>& items);
  Response::Partition row_of(const Item& item) const;
  /// Counts what is answered, topic by topic.
  void count(const std::vector<Item>& items);

  Partitions& partitions_;
  const MetadataCache& metadata_;
  TopicMetrics& metrics_;
  const Shards& shards_;
  BackgroundPool& pool_;
  const BrokerConfig& config_;
  Random& random_;
  PerShard<FetchSessions> sessions_;
  FetchSessionMetrics session_metrics_;
};

}  // namespace gregor
