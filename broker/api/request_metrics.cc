#include "broker/api/request_metrics.h"

#include <algorithm>
#include <map>

#include "broker/protocol/api_info.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr Metric kRequests{Metric::Type::counter, "kafka_network_requestmetrics_requests_total",
                           "Requests answered"};
constexpr Metric kErrors{Metric::Type::counter, "kafka_network_requestmetrics_errors_total",
                         "Error codes in answers, NONE among them"};

struct Row {
  Histogram ApiCounters::*histogram;
  Distribution metric;
  bool is_of_records = false;  ///< of Produce and Fetch only
};

constexpr Row time_row(Histogram ApiCounters::*histogram, std::string_view name, std::string_view help,
                       bool is_of_records = false) {
  return {histogram, {name, help, kNanosecondsPerMillisecond}, is_of_records};
}

constexpr Row kRows[] = {
    time_row(&ApiCounters::total, "kafka_network_requestmetrics_totaltimems",
             "Milliseconds from a request's arrival to the end of its answer"),
    time_row(&ApiCounters::queue, "kafka_network_requestmetrics_requestqueuetimems",
             "Milliseconds until a request was taken up"),
    time_row(&ApiCounters::local, "kafka_network_requestmetrics_localtimems",
             "Milliseconds of work on a request in this broker"),
    time_row(&ApiCounters::remote, "kafka_network_requestmetrics_remotetimems",
             "Milliseconds of waiting for replicas, or for records to fetch"),
    time_row(&ApiCounters::throttle, "kafka_network_requestmetrics_throttletimems",
             "Milliseconds that a quota made a request wait"),
    time_row(&ApiCounters::response_queue, "kafka_network_requestmetrics_responsequeuetimems",
             "Milliseconds that an answer waited to be sent"),
    time_row(&ApiCounters::response_send, "kafka_network_requestmetrics_responsesendtimems",
             "Milliseconds of sending an answer"),
    time_row(&ApiCounters::conversion, "kafka_network_requestmetrics_messageconversionstimems",
             "Milliseconds of converting records for other versions", true),
    {&ApiCounters::bytes,
     {"kafka_network_requestmetrics_requestbytes", "Bytes of a request, without its length"},
     false},
    {&ApiCounters::temporary_bytes,
     {"kafka_network_requestmetrics_temporarymemorybytes", "Bytes taken by converting records for other versions"},
     true},
};

}  // namespace

/// The counters of all shards for one name.
struct RequestTotal {
  bool is_of_records = false;
  std::map<size_t, uint64_t> requests;
  std::map<int16_t, uint64_t> errors;
  std::array<HistogramTotal, std::size(kRows)> histograms;

  void add(ApiCounters& counters, Instant now) {
    for (size_t version = 0; version < counters.requests.size(); ++version) {
      if (counters.requests[version] > 0) requests[version] += counters.requests[version];
    }
    for (const auto& [code, count] : counters.errors) errors[code] += count;
    for (size_t i = 0; i < std::size(kRows); ++i) histograms[i].add(counters.*kRows[i].histogram, now);
  }
};

namespace {

std::string name_of(protocol::ApiKey api, RequestMetrics::Kind kind) {
  std::string name(protocol::name_of(api));
  if (kind == RequestMetrics::Kind::fetch_consumer) name += "Consumer";
  if (kind == RequestMetrics::Kind::fetch_follower) name += "Follower";
  return name;
}

/// How Kafka spells an error in metrics: NOT_LEADER_OR_FOLLOWER.
std::string error_name(int16_t code) { return std::string(gregor::name_of(static_cast<ErrorCode>(code))); }

void write_one(MetricPage& page, const std::string& name, const RequestTotal& total) {
  for (const auto& [version, count] : total.requests) {
    page.add(kRequests, static_cast<double>(count), {{"request", name}, {"version", std::to_string(version)}});
  }
  for (const auto& [code, count] : total.errors) {
    page.add(kErrors, static_cast<double>(count), {{"request", name}, {"error", error_name(code)}});
  }
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].is_of_records && !total.is_of_records) continue;
    page.add(kRows[i].metric, total.histograms[i], {{"request", name}});
  }
}

}  // namespace

void ApiCounters::count_error(int16_t code) {
  auto found =
      std::find_if(errors.begin(), errors.end(), [code](const auto& error) { return error.first == code; });
  if (found != errors.end()) {
    ++found->second;
  } else {
    errors.emplace_back(code, 1);
  }
}

void ApiCounters::record(int16_t version, const RequestSizes& sizes, const RequestTimes& times, Instant now) {
  auto index = static_cast<size_t>(version);
  if (index >= requests.size()) requests.resize(index + 1);
  ++requests[index];
  total.record(times.total, now);
  queue.record(times.queue, now);
  local.record(times.handling - times.remote, now);
  remote.record(times.remote, now);
  throttle.record(times.throttle, now);
  response_queue.record(Duration::zero(), now);  // an answer is sent as soon as it is made
  response_send.record(times.response_send, now);
  conversion.record(times.conversion, now);
  bytes.record(sizes.request, now);
  temporary_bytes.record(sizes.temporary, now);
}

ApiCounters& RequestMetrics::of(protocol::ApiKey api, Kind kind) {
  auto key = static_cast<size_t>(api);
  ASSERT(key < kKeys);
  auto& counters = local_.local()[key][static_cast<size_t>(kind)];
  if (!counters) counters = std::make_unique<ApiCounters>();
  return *counters;
}

void RequestMetrics::add_up(RequestTotals& totals) {
  Instant now = Shard::current()->clock().now();
  for (size_t key = 0; key < kKeys; ++key) {
    auto api = static_cast<protocol::ApiKey>(key);
    for (size_t kind = 0; kind < kKinds; ++kind) {
      ApiCounters* counters = local_.local()[key][kind].get();
      if (counters == nullptr) continue;
      auto& of_all = totals[name_of(api, Kind::any)];
      of_all.is_of_records = api == protocol::ApiKey::fetch || api == protocol::ApiKey::produce;
      of_all.add(*counters, now);
      if (static_cast<Kind>(kind) == Kind::any) continue;
      totals[name_of(api, static_cast<Kind>(kind))].add(*counters, now);
    }
  }
}

Task<MetricWriter> RequestMetrics::collect() {
  auto totals = std::make_shared<RequestTotals>();
  for (Shard* shard : shards_) {
    auto add_up_here = [this, &totals] { add_up(*totals); };
    co_await on(*shard, add_up_here);
  }
  MetricWriter writer = [totals](MetricPage& page) {
    for (const auto& [name, total] : *totals) write_one(page, name, total);
  };
  co_return std::move(writer);
}

}  // namespace gregor
