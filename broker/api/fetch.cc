#include "broker/api/fetch.h"

#include <algorithm>
#include <iterator>

#include "broker/api/fetch_down_conversion.h"
#include "broker/api/listener_view.h"
#include "broker/api/partition_counts.h"
#include "broker/api/partition_lookup.h"
#include "broker/config/options.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr int16_t kFirstWithoutCutBatch = 3;
constexpr int16_t kFirstWithMagic2 = 4;
constexpr int16_t kFirstWithStorageError = 6;
constexpr int16_t kFirstWithSessions = 7;
constexpr int16_t kFirstWithTopicIds = 13;
constexpr int8_t kReadCommitted = 1;
constexpr int32_t kNoSession = 0;
constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;

bool is_full_fetch(const protocol::FetchRequest& request, int16_t version) {
  return version < kFirstWithSessions || request.session_epoch == kInitialEpoch ||
         request.session_epoch == kFinalEpoch;
}

/// The error as clients of `version` know it: from not_leader_or_follower too they learn to look again (KIP-112).
ErrorCode known_error(const Error& error, int16_t version) {
  ErrorCode code = kafka_code(error.code);
  bool is_unknown = code == ErrorCode::kafka_storage_error && version < kFirstWithStorageError;
  return is_unknown ? ErrorCode::not_leader_or_follower : code;
}

}  // namespace

FetchApi::FetchApi(Partitions& partitions, const MetadataCache& metadata, TopicMetrics& metrics,
                   const Shards& shards, BackgroundPool& pool, const BrokerConfig& config, Random& random)
    : partitions_(partitions),
      metadata_(metadata),
      metrics_(metrics),
      shards_(shards),
      pool_(pool),
      config_(config),
      random_(random),
      sessions_(shards.size()),
      session_metrics_(sessions_, shards) {
  auto slots = static_cast<size_t>(config.get(options::max_incremental_fetch_session_cache_slots));
  for (size_t i = 0; i < shards.size(); ++i) {
    sessions_.at(i).configure(i, shards.size(), (slots + shards.size() - 1) / shards.size());
  }
}

Task<Reply> FetchApi::handle(RequestContext context, ByteReader body) {
  Result<Request> request = decode_body<Request>(context, body);
  if (!request) co_return Reply::close(request.error().message);
  if (request->replica_id >= 0 || request->replica_state.replica_id >= 0) {
    co_return Reply::close("a replica wants to fetch, but this broker does not replicate yet");
  }
  context.trace.kind = RequestMetrics::Kind::fetch_consumer;
  Plan plan_ = co_await plan(*request, context.version());
  Limits limits = limits_of(*request, context);
  context.frame.free();  // all that counts is copied
  std::vector<Item> items;
  if (plan_.error == ErrorCode::none) {
    items = items_of(std::move(plan_.partitions), context.version());
    Duration waited = co_await read_when_ready(items, limits, context.connection.gone);
    context.trace.waited = waited;
    if (context.version() < kFirstWithMagic2) {
      Instant begun = Shard::current()->clock().now();
      co_await convert_down_all(items, context.version());
      context.trace.converting = Shard::current()->clock().now() - begun;
      for (const Item& item : items) context.trace.converted_bytes += item.converted.size();
    }
    count(items);
  }
  std::vector<bool> taken = co_await taken_by_session(plan_, items);
  co_return reply(context, plan_, items, std::move(taken));
}

FetchApi::Limits FetchApi::limits_of(const Request& request, const RequestContext& context) const {
  Limits limits;
  limits.max_bytes = std::min(request.max_bytes, config_.get(options::fetch_max_bytes));
  limits.min_bytes = std::min<int64_t>(request.min_bytes, limits.max_bytes);
  limits.max_wait = std::chrono::milliseconds(std::max(request.max_wait_ms, 0));
  limits.version = context.version();
  limits.read_committed = request.isolation_level == kReadCommitted;
  return limits;
}

// --- sessions ---

Shard& FetchApi::shard_of_session(int32_t session_id) const {
  return *shards_[static_cast<size_t>(std::max(session_id, 0)) % shards_.size()];
}

Task<FetchApi::Plan> FetchApi::plan(Request& request, int16_t version) {
  bool uses_topic_ids = version >= kFirstWithTopicIds;
  if (!is_full_fetch(request, version)) {
    auto find = [this, &request, uses_topic_ids] { return plan_incremental(request, uses_topic_ids); };
    Plan found = co_await on(shard_of_session(request.session_id), find);
    co_return found;
  }
  Plan plan;
  plan.partitions = requested_partitions(request);
  if (version < kFirstWithSessions) co_return plan;
  if (request.session_id != kNoSession) {
    auto end = [this, &request] { sessions_.local().remove(request.session_id); };
    co_await on(shard_of_session(request.session_id), end);
  }
  if (request.session_epoch == kInitialEpoch)
    plan.session_id = co_await begin_session(plan.partitions, uses_topic_ids);
  co_return plan;
}

Task<int32_t> FetchApi::begin_session(std::vector<FetchPartition> partitions, bool uses_topic_ids) {
  Instant now = Shard::current()->clock().now();
  FetchSession* session = sessions_.local().create(uses_topic_ids, std::move(partitions), now, random_);
  co_return session == nullptr ? kNoSession : session->id();
}

FetchApi::Plan FetchApi::plan_incremental(const Request& request, bool uses_topic_ids) {
  auto found = sessions_.local().find(request.session_id, request.session_epoch, uses_topic_ids);
  Plan plan;
  plan.error = found.error;
  if (found.session == nullptr) return plan;
  found.session->update(request, Shard::current()->clock().now());
  if (found.session->size() == 0) {
    sessions_.local().remove(request.session_id);
    return plan;
  }
  plan.session_id = found.session->id();
  plan.is_incremental = true;
  plan.partitions = found.session->partitions();
  return plan;
}

Task<std::vector<bool>> FetchApi::taken_by_session(const Plan& plan, const std::vector<Item>& items) {
  std::vector<bool> taken(items.size(), true);
  if (plan.session_id == kNoSession) co_return taken;
  auto choose = [this, &plan, &items, &taken] {
    auto* session = sessions_.local().peek(plan.session_id);
    if (session == nullptr) return;
    for (size_t i = 0; i < items.size(); ++i) {
      bool takes = session->takes(items[i].wanted.topic, items[i].wanted.topic_id, row_of(items[i]));
      taken[i] = takes || !plan.is_incremental;
    }
  };
  co_await on(shard_of_session(plan.session_id), choose);
  co_return taken;
}

// --- reading ---

std::vector<FetchApi::Item> FetchApi::items_of(std::vector<FetchPartition> partitions, int16_t version) const {
  const ClusterImage& image = metadata_.image();
  std::vector<Item> items;
  items.reserve(partitions.size());
  for (auto& partition : partitions) {
    Item& item = items.emplace_back();
    item.wanted = std::move(partition);
    if (version >= kFirstWithTopicIds) {
      const TopicImage* topic = image.topic(item.wanted.topic_id);
      if (topic == nullptr) {
        item.error = ErrorCode::unknown_topic_id;
        continue;
      }
      item.wanted.topic = topic->name;
    }
    item.shard = &partitions_.shard_of({item.wanted.topic, item.wanted.partition});
  }
  return items;
}

Task<Duration> FetchApi::read_when_ready(std::vector<Item>& items, Limits limits, std::stop_token gone) {
  const Clock& clock = Shard::current()->clock();
  Instant deadline = clock.now() + limits.max_wait;
  auto is_over = [&] { return is_conclusive(items, limits) || clock.now() >= deadline || gone.stop_requested(); };
  Duration waited{};
  while (true) {
    bool may_wait = limits.max_wait > Duration::zero();
    auto waiter = may_wait ? std::make_shared<FetchWaiter>(limits.min_bytes) : nullptr;
    co_await read_on(shards_in_turn(items), items, limits, waiter);
    if (is_over()) {
      if (may_wait) waiter->abandon();
      co_return waited;
    }
    Instant begun = clock.now();
    Shard* looked_on = nullptr;
    auto look = [&] {
      looked_on = Shard::current();
      if (waiter->has_news_of(*looked_on)) read_here(items, limits, nullptr);
    };
    co_await waiter->wait(deadline - begun, gone, look);
    waited += clock.now() - begun;
    // Where nothing was reported there is nothing else to be read.
    std::vector<Shard*> with_news;
    auto has_news = [&](Shard* shard) { return shard != looked_on && waiter->has_news_of(*shard); };
    std::copy_if(shards_.begin(), shards_.end(), std::back_inserter(with_news), has_news);
    co_await read_on(std::move(with_news), items, limits, nullptr);
    if (is_over()) co_return waited;
  }
}

bool FetchApi::is_conclusive(const std::vector<Item>& items, const Limits& limits) {
  auto ends_the_wait = [](const Item& item) {
    return item.error != ErrorCode::none || item.outcome.diverging.has_value();
  };
  return items.empty() || bytes_of(items) >= limits.min_bytes ||
         std::any_of(items.begin(), items.end(), ends_the_wait);
}

int64_t FetchApi::bytes_of(const std::vector<Item>& items) {
  int64_t bytes = 0;
  for (const Item& item : items) bytes += static_cast<int64_t>(item.outcome.data.size_bytes);
  return bytes;
}

std::vector<Shard*> FetchApi::shards_in_turn(const std::vector<Item>& items) const {
  auto is_known = [](const Item& item) { return item.shard != nullptr; };
  auto first = std::find_if(items.begin(), items.end(), is_known);
  std::vector<Shard*> shards = shards_;
  if (first == items.end()) return {};
  std::rotate(shards.begin(), std::find(shards.begin(), shards.end(), first->shard), shards.end());
  return shards;
}

Task<void> FetchApi::read_on(std::vector<Shard*> shards, std::vector<Item>& items, Limits limits,
                             std::shared_ptr<FetchWaiter> waiter) {
  for (Shard* shard : shards) {
    if (std::none_of(items.begin(), items.end(), [shard](const Item& item) { return item.shard == shard; }))
      continue;
    auto read_all = [&] { read_here(items, limits, waiter); };
    co_await on(*shard, read_all);
  }
}

void FetchApi::read_here(std::vector<Item>& items, const Limits& limits,
                         const std::shared_ptr<FetchWaiter>& waiter) {
  auto is_here = [](const Item& item) { return item.shard == Shard::current(); };
  for (Item& item : items) {
    if (is_here(item)) item.outcome = {};
  }
  int64_t bytes = bytes_of(items);
  for (Item& item : items) {
    if (is_here(item)) bytes += read(item, bytes, limits, waiter);
  }
}

int64_t FetchApi::read(Item& item, int64_t bytes_before, const Limits& limits,
                       const std::shared_ptr<FetchWaiter>& waiter) {
  const int16_t version = limits.version;
  TopicPartitionView name(item.wanted.topic, item.wanted.partition);
  item.error = ErrorCode::none;
  Partition* partition = partitions_.find(name);
  if (partition == nullptr) {
    item.error = absence_error(partitions_, metadata_, name);
    return 0;
  }
  const auto& topic_id = partition->log().topic_id();
  if (version >= kFirstWithTopicIds && topic_id && *topic_id != item.wanted.topic_id) {
    item.error = ErrorCode::inconsistent_topic_id;
    return 0;
  }
  int64_t bytes_left = std::max<int64_t>(limits.max_bytes - bytes_before, 0);
  ReadRequest request;
  request.fetch_offset = item.wanted.fetch_offset;
  request.max_bytes = static_cast<uint64_t>(std::clamp<int64_t>(item.wanted.max_bytes, 0, bytes_left));
  request.current_leader_epoch = LeaderEpoch(item.wanted.current_leader_epoch);
  request.last_fetched_epoch = LeaderEpoch(item.wanted.last_fetched_epoch);
  request.read_committed = limits.read_committed;
  // The first records of an answer come whole however large, or a consumer could never get past them (KIP-74).
  // Of old clients not all turn the order of partitions, so every partition's first records come whole.
  request.at_least_one_batch = bytes_before == 0 || (version < kFirstWithoutCutBatch && bytes_left > 0);
  auto outcome = partition->read(request);
  item.leader_epoch = partition->leader_epoch();
  item.converts_down = partition->settings().converts_down;
  if (!outcome) {
    item.error = known_error(outcome.error(), version);
    return 0;
  }
  item.outcome = std::move(*outcome);
  // Since version 3 no consumer is sent a first batch that it could not read.
  if (item.outcome.data.is_first_batch_cut && version >= kFirstWithoutCutBatch) item.outcome.data = {};
  auto bytes = static_cast<int64_t>(item.outcome.data.size_bytes);
  if (waiter == nullptr) return bytes;
  waiter->note_read(bytes);
  if (bytes_before + bytes < limits.min_bytes) partition->add_waiter(waiter, item.outcome.high_watermark);
  return bytes;
}

Task<void> FetchApi::convert_down_all(std::vector<Item>& items, int16_t version) {
  for (Item& item : items) {
    if (item.error != ErrorCode::none) continue;
    LogRead found = std::exchange(item.outcome.data, {});
    if (!item.converts_down) {
      item.error = ErrorCode::unsupported_version;
      continue;
    }
    if (found.size_bytes == 0) continue;
    DownConversionRules rules = down_conversion_rules(version, item.wanted.fetch_offset, found);
    Result<DownConverted> converted = co_await down_converted(pool_, std::move(found), rules);
    if (converted) {
      item.converted = std::move(converted->message_set);
      if (converted->records > 0) {
        metrics_.count(&TopicCounters::fetch_conversions, item.wanted.topic, converted->records);
      }
      continue;
    }
    item.error = known_error(converted.error(), version);
    log::warn("could not convert records for an old consumer partition={}-{} offset={} error={}", item.wanted.topic,
              item.wanted.partition, item.wanted.fetch_offset.value, converted.error().message);
  }
}

// --- answering ---

FetchApi::Response::Partition FetchApi::row_of(const Item& item) const {
  Response::Partition row;
  row.partition_index = item.wanted.partition;
  row.error_code = static_cast<int16_t>(item.error);
  row.records = item.converted.empty() ? protocol::Records::external(item.outcome.data.size_bytes)
                                       : protocol::Records::view(item.converted.view());
  if (item.error != ErrorCode::none) {
    row.high_watermark = kNoOffset.value;
    return row;
  }
  row.high_watermark = item.outcome.high_watermark.value;
  row.last_stable_offset = item.outcome.last_stable_offset.value;
  if (item.outcome.aborted_transactions) {
    auto& aborted = row.aborted_transactions.emplace();
    for (const auto& transaction : *item.outcome.aborted_transactions) {
      aborted.push_back({transaction.producer_id, transaction.first_offset.value});
    }
  }
  row.log_start_offset = item.outcome.log_start_offset.value;
  if (item.outcome.diverging) {
    row.diverging_epoch = {item.outcome.diverging->epoch.value, item.outcome.diverging->end_offset.value};
  }
  return row;
}

void FetchApi::count(const std::vector<Item>& items) {
  for (size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    const std::string& topic = items[begin].wanted.topic;
    uint64_t reads = 0, failed = 0, bytes = 0;
    for (end = begin; end < items.size() && items[end].wanted.topic == topic; ++end) {
      const Item& item = items[end];
      bool is_known =
          item.error != ErrorCode::unknown_topic_id && item.error != ErrorCode::unknown_topic_or_partition;
      if (is_known) ++reads;
      if (is_unexpected_in_fetch(item.error)) ++failed;
      bytes += item.converted.empty() ? item.outcome.data.size_bytes : item.converted.size();
    }
    if (reads > 0) metrics_.count(&TopicCounters::fetch_requests, topic, reads);
    if (failed > 0) metrics_.count(&TopicCounters::failed_fetch_requests, topic, failed);
    if (bytes > 0) metrics_.count(&TopicCounters::bytes_out, topic, bytes);
  }
}

Reply FetchApi::reply(const RequestContext& context, const Plan& plan, std::vector<Item>& items,
                      std::vector<bool> taken) {
  const ClusterImage& image = metadata_.image();
  Response response;
  response.error_code = static_cast<int16_t>(plan.error);
  response.session_id = plan.session_id;
  std::vector<FileSlice> slices;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!taken[i]) continue;
    Item& item = items[i];
    bool goes_on = !response.responses.empty() && response.responses.back().topic == item.wanted.topic &&
                   response.responses.back().topic_id == item.wanted.topic_id;
    auto& topic = goes_on ? response.responses.back() : response.responses.emplace_back();
    topic.topic = item.wanted.topic;
    topic.topic_id = item.wanted.topic_id;
    auto& row = topic.partitions.emplace_back(row_of(item));
    for (auto& slice : item.outcome.data.slices) slices.push_back(std::move(slice));
    bool is_elsewhere =
        item.error == ErrorCode::not_leader_or_follower || item.error == ErrorCode::fenced_leader_epoch;
    const PartitionImage* known =
        is_elsewhere ? image.partition({item.wanted.topic, item.wanted.partition}) : nullptr;
    if (known == nullptr) continue;
    row.current_leader = {known->leader.value, known->leader_epoch.value};
    add_node_endpoint(response, image, known->leader, context.connection.listener_name);
  }
  return reply_with(context, response, std::move(slices));
}

}  // namespace gregor
