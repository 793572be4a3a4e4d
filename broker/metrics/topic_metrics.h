#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/metrics/metric_source.h"
#include "runtime/shard.h"

namespace gregor {

/// What producers and consumers did with one topic, or with all of them, since the broker started.
struct TopicCounters {
  uint64_t messages_in = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t bytes_rejected = 0;
  uint64_t replication_bytes_in = 0;
  uint64_t replication_bytes_out = 0;
  uint64_t produce_requests = 0;
  uint64_t fetch_requests = 0;
  uint64_t failed_produce_requests = 0;
  uint64_t failed_fetch_requests = 0;
  uint64_t produce_conversions = 0;
  uint64_t fetch_conversions = 0;
  uint64_t no_key_compacted_records = 0;
  uint64_t invalid_magic_records = 0;
  uint64_t invalid_crc_records = 0;
  uint64_t invalid_offset_records = 0;

  void add(const TopicCounters& other);
};

/// Kafka's BrokerTopicMetrics: each shard counts for itself, a scrape adds up.
///
/// Counted on every shard.
class TopicMetrics final : public MetricSource {
 public:
  /// Whether there is a topic of that name; asked on any shard.
  using IsTopic = std::function<bool(std::string_view)>;

  /// What was counted of a topic that is gone is forgotten at the next scrape.
  TopicMetrics(const Shards& shards, bool tells_topics, IsTopic is_topic)
      : shards_(shards), tells_topics_(tells_topics), is_topic_(std::move(is_topic)), local_(shards.size()) {}

  /// Adds `amount` to `counter` of `topic`, which must be a topic that exists (names that clients make up would
  /// fill the memory), and of all topics.
  void count(uint64_t TopicCounters::*counter, std::string_view topic, uint64_t amount = 1);
  /// The same for what no topic is charged with.
  void count(uint64_t TopicCounters::*counter, uint64_t amount = 1) { local_.local().all.*counter += amount; }

  Task<MetricWriter> collect() override;

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  struct Local {
    TopicCounters all;
    std::unordered_map<std::string, TopicCounters, NameHash, std::equal_to<>> topics;
  };
  struct Collected {
    TopicCounters all;
    std::map<std::string, TopicCounters> topics;
  };

  static void write(MetricPage& page, const Collected& collected);

  const Shards& shards_;
  const bool tells_topics_;
  const IsTopic is_topic_;
  PerShard<Local> local_;
};

}  // namespace gregor
