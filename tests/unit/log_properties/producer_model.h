#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/types/error_code.h"
#include "stored_batch.h"

namespace gregor {

/// What Kafka's rules (KIP-98, KIP-360) have a partition know of its producers after some batches: told by going
/// through the batches one by one, and by nothing else.
class ProducerModel {
 public:
  struct Known {
    int32_t first_sequence = 0;
    int32_t last_sequence = 0;
    int64_t first = 0;
    int64_t last = 0;
  };
  struct Producer {
    int16_t epoch = -1;
    int32_t coordinator_epoch = -1;
    std::optional<int64_t> transaction_start;
    std::vector<Known> known;  ///< the last five batches of the epoch, oldest first

    int32_t last_sequence() const { return known.empty() ? -1 : known.back().last_sequence; }
    int64_t last_offset() const { return known.empty() ? -1 : known.back().last; }
    /// But for how many batches are known besides the last one, which a restart forgets.
    bool agrees_with(const Producer& other) const;
  };
  struct Aborted {
    int64_t producer_id = -1;
    int64_t first = 0;
    int64_t last = 0;
    int64_t last_stable = 0;
    friend bool operator==(const Aborted&, const Aborted&) = default;
  };

  void take(const StoredBatch& batch);

  const std::map<int64_t, Producer>& producers() const { return producers_; }
  /// One that knows nothing when the producer is unknown.
  Producer producer(int64_t id) const;
  const std::vector<Aborted>& aborted() const { return aborted_; }
  /// First and last offset of every transaction that was ended.
  const std::vector<std::pair<int64_t, int64_t>>& completed() const { return completed_; }
  /// Where the first transaction that is under way begins.
  std::optional<int64_t> first_open() const;
  /// The batches that `spec` may repeat: more than one only where a producer was forgotten and began anew, and what
  /// it sent before is there again.
  std::vector<Known> duplicates_of(const BatchSpec& spec) const;
  /// What a leader answers to a batch that repeats none.
  ErrorCode check(const BatchSpec& spec) const;
  /// A restart: nothing but the last `count` batches of the producer are remembered.
  void forget_all_but(int64_t id, size_t count);
  bool agrees_with(const ProducerModel& other) const;
  std::string to_string() const;

 private:
  std::map<int64_t, Producer> producers_;
  std::vector<Aborted> aborted_;
  std::vector<std::pair<int64_t, int64_t>> completed_;
  friend ProducerModel model_of(const std::map<int64_t, Producer>& producers);
};

ProducerModel model_of(const std::map<int64_t, ProducerModel::Producer>& producers);

}  // namespace gregor
