#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/metrics/metric_source.h"
#include "broker/protocol/api_key.h"
#include "runtime/shard.h"

namespace gregor {

/// Where the time of one request went. Times of which nothing is known are zero.
struct RequestTimes {
  Duration total{};          ///< from the arrival of its last byte to the departure of its answer's last
  Duration queue{};          ///< until a handler took it
  Duration remote{};         ///< of the handling: waiting for replicas, records or time
  Duration handling{};       ///< from the handler's begin to its end
  Duration throttle{};       ///< what a quota made it wait
  Duration response_send{};  ///< sending the answer
  Duration conversion{};     ///< of the handling: turning records into the form of other versions
};

/// How large one request was, in bytes.
struct RequestSizes {
  size_t request = 0;    ///< without its length
  size_t temporary = 0;  ///< taken by records in the form of other versions
};

/// What one shard counted of one API.
struct ApiCounters {
  std::vector<uint64_t> requests;                    ///< by version
  std::vector<std::pair<int16_t, uint64_t>> errors;  ///< by error code, in the order of their first appearance
  Histogram total, queue, local, remote, throttle, response_queue, response_send, conversion;
  Histogram bytes, temporary_bytes;

  void count_error(int16_t code);
  void record(int16_t version, const RequestSizes& sizes, const RequestTimes& times, Instant now);
};

struct RequestTotal;
/// By the name that metrics show.
using RequestTotals = std::map<std::string, RequestTotal>;

/// Kafka's RequestMetrics: each shard counts for itself, a scrape adds up. An API appears with its first request.
class RequestMetrics final : public MetricSource {
 public:
  /// What a row of counters is about. Kafka counts fetches once as such and once by who sent them.
  enum class Kind { any, fetch_consumer, fetch_follower };

  explicit RequestMetrics(const Shards& shards) : shards_(shards), local_(shards.size()) {}

  /// The counters of this shard.
  ApiCounters& of(protocol::ApiKey api, Kind kind = Kind::any);
  Task<MetricWriter> collect() override;

 private:
  // The highest key that Kafka's brokers know is below a hundred.
  static constexpr size_t kKeys = 100;
  static constexpr size_t kKinds = 3;
  using Local = std::array<std::array<std::unique_ptr<ApiCounters>, kKinds>, kKeys>;

  /// Adds what this shard counted.
  void add_up(RequestTotals& totals);

  const Shards& shards_;
  PerShard<Local> local_;
};

}  // namespace gregor
