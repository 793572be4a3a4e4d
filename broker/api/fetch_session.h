#pragma once

#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "broker/protocol/fetch.h"
#include "broker/types/error_code.h"
#include "broker/types/ids.h"
#include "runtime/clock.h"
#include "runtime/random.h"

namespace gregor {

/// What a fetch asks of one partition. The topic has a name up to version 12 and an id from 13 on; the other one is
/// filled in from the metadata when the partition is read.
struct FetchPartition {
  std::string topic;
  Uuid topic_id;
  int32_t partition = 0;
  Offset fetch_offset;
  int32_t max_bytes = 0;
  int32_t current_leader_epoch = -1;
  int32_t last_fetched_epoch = -1;
};

/// The partitions that a fetch request names, in its order.
std::vector<FetchPartition> requested_partitions(const protocol::FetchRequest& request);

/// A consumer's standing list of partitions, so that its requests and our answers carry only what changed
/// (KIP-227).
///
/// Pure but for the time handed in. Lives on one shard with the FetchSessions that owns it.
class FetchSession {
 public:
  FetchSession(int32_t id, bool uses_topic_ids, std::vector<FetchPartition> partitions, Instant now);

  int32_t id() const { return id_; }
  bool uses_topic_ids() const { return uses_topic_ids_; }
  int32_t next_epoch() const { return next_epoch_; }
  Instant last_used() const { return last_used_; }
  size_t size() const { return order_.size(); }

  /// Takes what an incremental request adds, changes and forgets.
  void update(const protocol::FetchRequest& request, Instant now);
  /// All partitions, those first that have waited longest for records.
  std::vector<FetchPartition> partitions() const;
  /// Whether an incremental answer has to carry `answer`; notes what the client then knows. Partitions that got
  /// records go to the end of the order.
  bool takes(const std::string& topic, const Uuid& topic_id, const protocol::FetchResponse::Partition& answer);

 private:
  struct Entry {
    FetchPartition wanted;
    int64_t sent_high_watermark = -1;
    int64_t sent_log_start_offset = -1;
  };
  struct Key {
    std::string topic;  ///< empty when the session uses ids
    Uuid topic_id;
    int32_t partition = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };

  Key key_of(std::string_view topic, const Uuid& topic_id, int32_t partition) const;
  void put(FetchPartition partition);

  const int32_t id_;
  const bool uses_topic_ids_;
  int32_t next_epoch_ = 1;
  Instant last_used_;
  std::list<Entry> order_;
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> entries_;
};

/// The sessions of one shard. A session's id names its shard: id modulo the number of shards.
class FetchSessions {
 public:
  /// At most `slots` sessions; a full cache gives way to a newcomer only where a session lies unused for two
  /// minutes.
  void configure(size_t shard, size_t shards, size_t slots);

  /// A new session, or null when there is no room: the client then goes on without one.
  FetchSession* create(bool uses_topic_ids, std::vector<FetchPartition> partitions, Instant now, Random& random);
  void remove(int32_t id) { sessions_.erase(id); }
  /// The session, if it still exists.
  FetchSession* peek(int32_t id);
  /// The session of an incremental request, in the state that the request expects. Errors:
  /// fetch_session_id_not_found, invalid_fetch_session_epoch, fetch_session_topic_id_error.
  struct Found {
    FetchSession* session = nullptr;
    ErrorCode error = ErrorCode::none;
  };
  Found find(int32_t id, int32_t epoch, bool uses_topic_ids);
  /// What there is, and how many sessions had to go.
  struct Counts {
    size_t sessions = 0;
    size_t partitions = 0;
    uint64_t evictions = 0;
  };
  Counts counts() const;

 private:
  bool make_room(Instant now);

  size_t shard_ = 0;
  size_t shards_ = 1;
  size_t slots_ = 0;
  uint64_t evictions_ = 0;
  std::unordered_map<int32_t, std::unique_ptr<FetchSession>> sessions_;
};

}  // namespace gregor
