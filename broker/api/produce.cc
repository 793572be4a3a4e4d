#include "broker/api/produce.h"

#include <algorithm>

#include "broker/api/listener_view.h"
#include "broker/api/partition_counts.h"
#include "broker/api/partition_lookup.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr int16_t kAcksNone = 0;
constexpr int16_t kAcksLeader = 1;
constexpr int16_t kAcksAll = -1;
constexpr int16_t kFirstWithMagic2Only = 3;
constexpr int16_t kFirstWithZstd = 7;
// Kafka's own tool for administration may write where other clients must not.
constexpr std::string_view kAdminClient = "__admin_client";

/// The batch to be patched in place: the frame, or what was converted, is the request's own, nobody else reads it.
std::span<uint8_t> in_place(Bytes records) { return {const_cast<uint8_t*>(records.data()), records.size()}; }

/// For an error that nobody had more to say about.
std::string plain_message(ErrorCode error, TopicPartitionView name) {
  return fmt::format("{} partition={}-{}", name_of(error), name.topic, name.partition);
}

bool is_transactional(Bytes records) {
  auto batch = BatchView::probe(records);
  return batch && !batch->is_legacy() && batch->is_transactional();
}

/// What is wrong with the transactional records of the request, as a whole.
ErrorCode transaction_error(const protocol::ProduceRequest& request) {
  std::optional<std::pair<int64_t, int16_t>> producer;
  for (const auto& topic : request.topic_data) {
    for (const auto& partition : topic.partition_data) {
      if (!is_transactional(partition.records.bytes())) continue;
      if (!request.transactional_id) return ErrorCode::transactional_id_authorization_failed;
      auto batch = BatchView::probe(partition.records.bytes());
      std::pair<int64_t, int16_t> sender(batch->producer_id(), batch->producer_epoch());
      if (producer.value_or(sender) != sender) return ErrorCode::invalid_producer_id_mapping;
      producer = sender;
    }
  }
  return ErrorCode::none;
}

/// Whether an answer has to wait for what was appended to be safe.
template <class Items>
bool must_wait(const Items& items, int16_t acks) {
  return std::any_of(items.begin(), items.end(), [acks](const auto& item) {
    return item.needs_flush ||
           (acks == kAcksAll && item.error == ErrorCode::none && item.is_appended && !item.is_replicated);
  });
}

bool is_valid_acks(int16_t acks) { return acks == kAcksNone || acks == kAcksLeader || acks == kAcksAll; }

}  // namespace

Task<Reply> ProduceApi::handle(RequestContext context, ByteReader body) {
  Result<Request> request = decode_body<Request>(context, body);
  if (!request) co_return Reply::close(request.error().message);
  std::vector<Item> items;
  ErrorCode of_all = transaction_error(*request);
  bool may_write_internal = context.header.client_id == kAdminClient;
  for (const auto& topic : request->topic_data) {
    for (const auto& partition : topic.partition_data) {
      Item& item = items.emplace_back(TopicPartitionView(topic.name, partition.index), partition.records);
      if (!is_valid_acks(request->acks)) item.error = ErrorCode::invalid_required_acks;
      if (is_internal_topic(topic.name) && !may_write_internal) item.error = ErrorCode::invalid_topic_exception;
      if (of_all != ErrorCode::none) item.error = of_all;
    }
  }
  if (context.version() < kFirstWithMagic2Only) {
    Instant begun = Shard::current()->clock().now();
    co_await convert_up_all(items);
    context.trace.converting = Shard::current()->clock().now() - begun;
    for (const Item& item : items) context.trace.converted_bytes += item.rewritten.size();
  }
  co_await append_all(items, request->acks, context.version());
  if (std::any_of(items.begin(), items.end(), &is_waiting)) {
    co_await recompress_all(items);
    co_await append_all(items, request->acks, context.version());
  }
  std::string names;
  if (must_wait(items, request->acks)) let_go_of_records(*request, items, names, context.frame);
  co_await flush_where_needed(items);
  if (request->acks == kAcksAll) {
    Duration waited = co_await await_replication(items, std::chrono::milliseconds(request->timeout_ms));
    context.trace.waited = waited;
  }
  if (request->acks == kAcksNone) {
    // There is no answer that could carry an error: a closed connection makes the producer look again.
    auto failed =
        std::find_if(items.begin(), items.end(), [](const Item& item) { return item.error != ErrorCode::none; });
    if (failed == items.end()) co_return Reply::nothing();
    count_errors(context, response_of(*request, items, context));
    co_return Reply::close(fmt::format("produce with acks=0 failed, partition={}-{} error={}", failed->name.topic,
                                       failed->name.partition, name_of(failed->error)));
  }
  co_return reply_with(context, response_of(*request, items, context));
}

Partition* ProduceApi::find_or_refuse(Item& item) {
  Partition* partition = partitions_.find(item.name);
  if (partition != nullptr) return partition;
  item.error = absence_error(partitions_, metadata_, item.name);
  return nullptr;
}

std::optional<UpConversionRules> ProduceApi::up_conversion_rules(Item& item) {
  Partition* partition = find_or_refuse(item);
  if (partition == nullptr) return std::nullopt;
  UpConversionRules rules;
  rules.max_message_bytes = partition->settings().produce_rules.max_message_bytes;
  rules.max_plain_size = partition->settings().produce_rules.max_plain_size;
  rules.stored_in = partition->settings().produce_rules.stored_in;
  return rules;
}

Task<void> ProduceApi::convert_up_all(std::vector<Item>& items) {
  for (Item& item : items) {
    if (item.error != ErrorCode::none || !is_message_set(item.records.bytes())) continue;
    auto look_up = [this, &item] { return up_conversion_rules(item); };
    std::optional<UpConversionRules> rules = co_await on(partitions_.shard_of(item.name), look_up);
    if (!rules) continue;
    auto convert = [&item, &rules] { return convert_up(item.records.bytes(), *rules); };
    Result<Buffer> converted = co_await in_background(pool_, convert);
    if (!converted) {
      item.error = kafka_code(converted.error().code);
      item.error_message = converted.error().message;
      continue;
    }
    item.rewritten = std::move(*converted);
    item.records = protocol::Records::view(item.rewritten.view());
  }
}

Task<void> ProduceApi::recompress_all(std::vector<Item>& items) {
  for (Item& item : items) {
    if (!is_waiting(item)) continue;
    auto rewrite = [&item] { return recompress(item.records.bytes(), *item.rewriting_rules); };
    std::optional<Buffer> rewritten = co_await in_background(pool_, rewrite);
    if (!rewritten) continue;  // the validation on the way of every batch finds out why
    item.rewritten = std::move(*rewritten);
    item.records = protocol::Records::view(item.rewritten.view());
  }
}

Task<void> ProduceApi::append_all(std::vector<Item>& items, int16_t acks, int16_t version) {
  for (Shard* shard : shards_) {
    bool has_items = std::any_of(items.begin(), items.end(), [&](const Item& item) {
      return is_waiting(item) && &partitions_.shard_of(item.name) == shard;
    });
    if (!has_items) continue;
    auto append_here = [this, shard, &items, acks, version] {
      for (Item& item : items) {
        if (is_waiting(item) && &partitions_.shard_of(item.name) == shard) append(item, acks, version);
      }
    };
    co_await on(*shard, append_here);
  }
}

void ProduceApi::append(Item& item, int16_t acks, int16_t version) {
  Partition* partition = find_or_refuse(item);
  if (partition == nullptr) return;
  bool allows_zstd = version >= kFirstWithZstd || !item.rewritten.empty();
  const ProduceRules& rules = partition->settings().produce_rules;
  if (!item.rewriting_rules && needs_recompression(item.records.bytes(), rules.stored_in)) {
    item.rewriting_rules = rules;
    item.rewriting_rules->allows_zstd = allows_zstd;
    return;
  }
  item.is_appended = true;
  metrics_.count(&TopicCounters::produce_requests, item.name.topic);
  ProduceOutcome outcome =
      partition->append_as_leader(in_place(item.records.bytes()), acks == kAcksAll, allows_zstd);
  item.leader = partition->leader();
  item.leader_epoch = partition->leader_epoch();
  if (!outcome.appended) {
    count_refusal(item, *partition, outcome);
    item.error = kafka_code(outcome.appended.error().code);
    item.error_message = outcome.appended.error().message;
    item.record_errors = std::move(outcome.record_errors);
    return;
  }
  item.appended = *outcome.appended;
  count_appended(metrics_, item.name, item.appended, !item.rewritten.empty());
  item.is_replicated = outcome.is_replicated;
  item.needs_flush = outcome.needs_flush;
  if (item.appended.wants_flush && !item.needs_flush) partitions_.flush_soon(*partition);
}

void ProduceApi::let_go_of_records(Request& request, std::vector<Item>& items, std::string& names,
                                   RequestFrame& frame) {
  size_t size = 0;
  for (const auto& topic : request.topic_data) size += topic.name.size();
  names.reserve(size);  // so that it never moves
  auto item = items.begin();
  for (auto& topic : request.topic_data) {
    size_t begin = names.size();
    names += topic.name;
    topic.name = std::string_view(names).substr(begin);
    for (size_t i = 0; i < topic.partition_data.size(); ++i, ++item) {
      item->name.topic = topic.name;
      item->records = protocol::Records::view({});
      item->rewritten = Buffer();
    }
  }
  frame.free();
}

Task<void> ProduceApi::flush_where_needed(std::vector<Item>& items) {
  std::vector<Task<ErrorCode>> flushes;
  std::vector<Item*> flushed;
  for (Item& item : items) {
    if (!item.needs_flush) continue;
    TopicPartition name{std::string(item.name.topic), item.name.partition};
    flushed.push_back(&item);
    flushes.push_back(
        run_on(partitions_.shard_of(item.name), partitions_.flush(std::move(name), item.appended.last_offset + 1)));
  }
  if (flushes.empty()) co_return;
  std::vector<ErrorCode> outcomes = co_await when_all(std::move(flushes));
  for (size_t i = 0; i < flushed.size(); ++i) flushed[i]->error = outcomes[i];
}

void ProduceApi::count_refusal(const Item& item, const Partition& partition, const ProduceOutcome& outcome) {
  const Error& error = outcome.appended.error();
  // Records of a compacted topic that are blamed one by one, and not for their timestamps, have no key.
  bool lacks_keys = partition.settings().produce_rules.needs_keys && error.code == ErrorCode::invalid_record;
  count_refused(metrics_, item.name, item.records.bytes(), error, lacks_keys ? outcome.record_errors.size() : 0);
}

Task<Duration> ProduceApi::await_replication(std::vector<Item>& items, Duration timeout) {
  std::vector<Task<ErrorCode>> waits;
  std::vector<Item*> waiting;
  for (Item& item : items) {
    if (item.error != ErrorCode::none || item.is_replicated) continue;
    waiting.push_back(&item);
    waits.push_back(
        run_on(partitions_.shard_of(item.name), wait_for_one(item.name, item.appended.last_offset + 1, timeout)));
  }
  if (waits.empty()) co_return Duration::zero();
  Instant begun = Shard::current()->clock().now();
  std::vector<ErrorCode> outcomes = co_await when_all(std::move(waits));
  for (size_t i = 0; i < waiting.size(); ++i) waiting[i]->error = outcomes[i];
  co_return Shard::current()->clock().now() - begun;
}

Task<ErrorCode> ProduceApi::wait_for_one(TopicPartitionView name, Offset end, Duration timeout) {
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) co_return ErrorCode::not_leader_or_follower;
  ErrorCode outcome = co_await partition->wait_until_replicated(end, timeout);
  co_return outcome;
}

ProduceApi::Response ProduceApi::response_of(const Request& request, const std::vector<Item>& items,
                                             const RequestContext& context) const {
  Response response;
  auto item = items.begin();
  for (const auto& topic : request.topic_data) {
    auto& topic_row = response.responses.emplace_back();
    topic_row.name = std::string(topic.name);
    for (size_t i = 0; i < topic.partition_data.size(); ++i, ++item) {
      auto& row = topic_row.partition_responses.emplace_back();
      row.index = item->name.partition;
      row.error_code = static_cast<int16_t>(item->error);
      row.base_offset = kNoOffset.value;
      if (item->error == ErrorCode::none) {
        row.base_offset = item->appended.first_offset.value;
        row.log_append_time_ms = item->appended.log_append_time;
        row.log_start_offset = item->appended.log_start_offset.value;
        continue;
      }
      row.error_message =
          item->error_message.empty() ? plain_message(item->error, item->name) : item->error_message;
      for (const auto& error : item->record_errors) row.record_errors.push_back({error.batch_index, error.message});
      if (item->error == ErrorCode::not_leader_or_follower) {
        const PartitionImage* known = metadata_.image().partition(item->name);
        row.current_leader.leader_id = known != nullptr ? known->leader.value : item->leader.value;
        row.current_leader.leader_epoch = known != nullptr ? known->leader_epoch.value : item->leader_epoch.value;
        add_node_endpoint(response, metadata_.image(), BrokerId(row.current_leader.leader_id),
                          context.connection.listener_name);
      }
    }
  }
  return response;
}

}  // namespace gregor
