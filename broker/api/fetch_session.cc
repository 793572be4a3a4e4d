#include "broker/api/fetch_session.h"

#include <algorithm>
#include <climits>

namespace gregor {
namespace {

constexpr Duration kMinIdleBeforeEviction = std::chrono::minutes(2);

int32_t epoch_after(int32_t epoch) { return epoch == INT_MAX ? 1 : epoch + 1; }

FetchPartition wanted(const protocol::FetchRequest::Topic& topic,
                      const protocol::FetchRequest::Partition& partition) {
  return {std::string(topic.topic),      topic.topic_id,
          partition.partition,           Offset(partition.fetch_offset),
          partition.partition_max_bytes, partition.current_leader_epoch,
          partition.last_fetched_epoch};
}

}  // namespace

std::vector<FetchPartition> requested_partitions(const protocol::FetchRequest& request) {
  std::vector<FetchPartition> partitions;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) partitions.push_back(wanted(topic, partition));
  }
  return partitions;
}

size_t FetchSession::KeyHash::operator()(const Key& key) const {
  size_t topic = key.topic.empty() ? std::hash<Uuid>()(key.topic_id) : std::hash<std::string>()(key.topic);
  return topic * 31 + static_cast<size_t>(key.partition);
}

FetchSession::FetchSession(int32_t id, bool uses_topic_ids, std::vector<FetchPartition> partitions, Instant now)
    : id_(id), uses_topic_ids_(uses_topic_ids), last_used_(now) {
  for (auto& partition : partitions) put(std::move(partition));
}

FetchSession::Key FetchSession::key_of(std::string_view topic, const Uuid& topic_id, int32_t partition) const {
  if (uses_topic_ids_) return Key{"", topic_id, partition};
  return Key{std::string(topic), Uuid{}, partition};
}

void FetchSession::put(FetchPartition partition) {
  Key key = key_of(partition.topic, partition.topic_id, partition.partition);
  auto found = entries_.find(key);
  if (found != entries_.end()) {
    found->second->wanted = std::move(partition);
    return;
  }
  order_.push_back({std::move(partition)});
  entries_.emplace(std::move(key), std::prev(order_.end()));
}

void FetchSession::update(const protocol::FetchRequest& request, Instant now) {
  last_used_ = now;
  next_epoch_ = epoch_after(next_epoch_);
  for (auto& partition : requested_partitions(request)) put(std::move(partition));
  for (const auto& topic : request.forgotten_topics_data) {
    for (int32_t partition : topic.partitions) {
      auto found = entries_.find(key_of(topic.topic, topic.topic_id, partition));
      if (found == entries_.end()) continue;
      order_.erase(found->second);
      entries_.erase(found);
    }
  }
}

std::vector<FetchPartition> FetchSession::partitions() const {
  std::vector<FetchPartition> wanted_partitions;
  wanted_partitions.reserve(order_.size());
  for (const auto& entry : order_) wanted_partitions.push_back(entry.wanted);
  return wanted_partitions;
}

bool FetchSession::takes(const std::string& topic, const Uuid& topic_id,
                         const protocol::FetchResponse::Partition& answer) {
  auto found = entries_.find(key_of(topic, topic_id, answer.partition_index));
  if (found == entries_.end()) return false;
  Entry& entry = *found->second;
  bool has_records = answer.records.size() > 0;
  bool changed = has_records || answer.error_code != 0 || entry.sent_high_watermark != answer.high_watermark ||
                 entry.sent_log_start_offset != answer.log_start_offset || answer.preferred_read_replica != -1 ||
                 answer.diverging_epoch.epoch != -1;
  entry.sent_high_watermark = answer.high_watermark;
  entry.sent_log_start_offset = answer.log_start_offset;
  // An error is told every time, also when nothing else changes after it.
  if (answer.error_code != 0) entry.sent_high_watermark = -1;
  if (has_records) order_.splice(order_.end(), order_, found->second);
  return changed;
}

void FetchSessions::configure(size_t shard, size_t shards, size_t slots) {
  shard_ = shard;
  shards_ = shards;
  slots_ = slots;
}

FetchSession* FetchSessions::create(bool uses_topic_ids, std::vector<FetchPartition> partitions, Instant now,
                                    Random& random) {
  if (partitions.empty() || !make_room(now)) return nullptr;
  while (true) {
    auto drawn = static_cast<size_t>(random.number() & INT_MAX);
    size_t id = drawn - drawn % shards_ + shard_;
    if (id == 0 || id > INT_MAX || sessions_.contains(static_cast<int32_t>(id))) continue;
    auto session =
        std::make_unique<FetchSession>(static_cast<int32_t>(id), uses_topic_ids, std::move(partitions), now);
    return sessions_.emplace(static_cast<int32_t>(id), std::move(session)).first->second.get();
  }
}

bool FetchSessions::make_room(Instant now) {
  if (sessions_.size() < slots_) return true;
  auto oldest = std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
    return a.second->last_used() < b.second->last_used();
  });
  if (oldest == sessions_.end() || now - oldest->second->last_used() < kMinIdleBeforeEviction) return false;
  sessions_.erase(oldest);
  ++evictions_;
  return true;
}

FetchSessions::Counts FetchSessions::counts() const {
  Counts counts{sessions_.size(), 0, evictions_};
  for (const auto& [id, session] : sessions_) counts.partitions += session->size();
  return counts;
}

FetchSession* FetchSessions::peek(int32_t id) {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

FetchSessions::Found FetchSessions::find(int32_t id, int32_t epoch, bool uses_topic_ids) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return {nullptr, ErrorCode::fetch_session_id_not_found};
  FetchSession& session = *found->second;
  if (session.next_epoch() != epoch) return {nullptr, ErrorCode::invalid_fetch_session_epoch};
  if (session.uses_topic_ids() != uses_topic_ids) return {nullptr, ErrorCode::fetch_session_topic_id_error};
  return {&session, ErrorCode::none};
}

}  // namespace gregor
