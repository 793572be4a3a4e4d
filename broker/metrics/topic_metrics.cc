#include "broker/metrics/topic_metrics.h"

#include <memory>

namespace gregor {
namespace {

struct Row {
  uint64_t TopicCounters::*counter;
  bool is_per_topic;
  Metric metric;
};

constexpr Metric total(std::string_view name, std::string_view help) { return {Metric::Type::counter, name, help}; }

constexpr Row kRows[] = {
    {&TopicCounters::messages_in, true,
     total("kafka_server_brokertopicmetrics_messagesin_total", "Records that producers wrote")},
    {&TopicCounters::bytes_in, true,
     total("kafka_server_brokertopicmetrics_bytesin_total", "Bytes of batches that producers wrote")},
    {&TopicCounters::bytes_out, true,
     total("kafka_server_brokertopicmetrics_bytesout_total", "Bytes of batches that consumers were sent")},
    {&TopicCounters::bytes_rejected, true,
     total("kafka_server_brokertopicmetrics_bytesrejected_total",
           "Bytes of batches that were refused as too large")},
    {&TopicCounters::replication_bytes_in, false,
     total("kafka_server_brokertopicmetrics_replicationbytesin_total", "Bytes of batches fetched from leaders")},
    {&TopicCounters::replication_bytes_out, false,
     total("kafka_server_brokertopicmetrics_replicationbytesout_total", "Bytes of batches sent to followers")},
    {&TopicCounters::produce_requests, true,
     total("kafka_server_brokertopicmetrics_totalproducerequests_total",
           "Writes to partitions that were asked for")},
    {&TopicCounters::fetch_requests, true,
     total("kafka_server_brokertopicmetrics_totalfetchrequests_total", "Reads of partitions that were asked for")},
    {&TopicCounters::failed_produce_requests, true,
     total("kafka_server_brokertopicmetrics_failedproducerequests_total",
           "Writes to partitions that failed unexpectedly")},
    {&TopicCounters::failed_fetch_requests, true,
     total("kafka_server_brokertopicmetrics_failedfetchrequests_total",
           "Reads of partitions that failed unexpectedly")},
    {&TopicCounters::produce_conversions, true,
     total("kafka_server_brokertopicmetrics_producemessageconversions_total",
           "Records of old producers turned into batches")},
    {&TopicCounters::fetch_conversions, true,
     total("kafka_server_brokertopicmetrics_fetchmessageconversions_total",
           "Records turned into the form of old consumers")},
    {&TopicCounters::no_key_compacted_records, false,
     total("kafka_server_brokertopicmetrics_nokeycompactedtopicrecords_total",
           "Records without a key refused by compacted topics")},
    {&TopicCounters::invalid_magic_records, false,
     total("kafka_server_brokertopicmetrics_invalidmagicnumberrecords_total",
           "Batches refused for their magic number")},
    {&TopicCounters::invalid_crc_records, false,
     total("kafka_server_brokertopicmetrics_invalidmessagecrcrecords_total", "Batches refused for their checksum")},
    {&TopicCounters::invalid_offset_records, false,
     total("kafka_server_brokertopicmetrics_invalidoffsetorsequencerecords_total",
           "Batches refused for their offsets, counts or sequence numbers")},
};

}  // namespace

void TopicCounters::add(const TopicCounters& other) {
  for (const auto& row : kRows) this->*row.counter += other.*row.counter;
}

void TopicMetrics::count(uint64_t TopicCounters::*counter, std::string_view topic, uint64_t amount) {
  Local& local = local_.local();
  local.all.*counter += amount;
  if (!tells_topics_) return;
  auto found = local.topics.find(topic);
  if (found == local.topics.end()) found = local.topics.emplace(topic, TopicCounters()).first;
  found->second.*counter += amount;
}

Task<MetricWriter> TopicMetrics::collect() {
  auto collected = std::make_shared<Collected>();
  for (Shard* shard : shards_) {
    auto add_up = [this, &collected] {
      Local& local = local_.local();
      std::erase_if(local.topics, [this](const auto& entry) { return !is_topic_(entry.first); });
      collected->all.add(local.all);
      for (const auto& [name, counters] : local.topics) collected->topics[name].add(counters);
    };
    co_await on(*shard, add_up);
  }
  MetricWriter writer = [collected](MetricPage& page) { write(page, *collected); };
  co_return std::move(writer);
}

void TopicMetrics::write(MetricPage& page, const Collected& collected) {
  for (const auto& row : kRows) {
    page.add(row.metric, static_cast<double>(collected.all.*row.counter));
    if (!row.is_per_topic) continue;
    for (const auto& [name, counters] : collected.topics) {
      page.add(row.metric, static_cast<double>(counters.*row.counter), {{"topic", name}});
    }
  }
}

}  // namespace gregor
