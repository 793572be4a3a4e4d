#include "broker/api/create_partitions.h"

#include <algorithm>
#include <set>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Request = protocol::CreatePartitionsRequest;
using Response = protocol::CreatePartitionsResponse;

Response::TopicResult result(std::string_view name, ErrorCode code, std::optional<std::string> message) {
  Response::TopicResult row;
  row.name = std::string(name);
  row.error_code = static_cast<int16_t>(code);
  row.error_message = std::move(message);
  return row;
}

std::vector<std::vector<BrokerId>> assignments_of(const Request::Topic& wanted) {
  std::vector<std::vector<BrokerId>> rows;
  if (!wanted.assignments) return rows;
  for (const auto& assignment : *wanted.assignments) {
    auto& row = rows.emplace_back();
    for (int32_t id : assignment.broker_ids) row.emplace_back(id);
  }
  return rows;
}

bool has_leaders(const ClusterImage& image, const std::string& name, int32_t count) {
  const TopicImage* topic = image.topic(name);
  return topic != nullptr && static_cast<int32_t>(topic->partitions.size()) >= count &&
         std::all_of(topic->partitions.begin(), topic->partitions.end(),
                     [](const auto& entry) { return entry.second.leader != kNoBroker; });
}

}  // namespace

Task<Response> CreatePartitionsApi::answer(RequestContext context, Request request) {
  Response response = co_await run_on(admin_shard_, create_all(std::move(request), context.connection.gone));
  co_return response;
}

Task<Response> CreatePartitionsApi::create_all(Request request, std::stop_token gone) {
  std::set<std::string_view> seen;
  Response response;
  std::vector<Task<Response::TopicResult>> creations;
  for (const auto& topic : request.topics) {
    if (!controller_.is_active()) {
      response.results.push_back(
          result(topic.name, ErrorCode::not_controller, "This is not the correct controller for this cluster."));
    } else if (!seen.insert(topic.name).second) {
      response.results.push_back(result(topic.name, ErrorCode::invalid_request, "Duplicate topic in request."));
    } else {
      creations.push_back(
          create_one(topic, std::chrono::milliseconds(request.timeout_ms), request.validate_only, gone));
    }
  }
  std::vector<Response::TopicResult> made = co_await when_all(std::move(creations));
  for (auto& row : made) response.results.push_back(std::move(row));
  co_return response;
}

Task<Response::TopicResult> CreatePartitionsApi::create_one(Request::Topic wanted, Duration timeout,
                                                            bool validate_only, std::stop_token gone) {
  std::string name(wanted.name);
  Result<void> added = co_await admin_.add_partitions(name, wanted.count, assignments_of(wanted), validate_only);
  if (!added) co_return result(name, kafka_code(added.error().code), added.error().message);
  if (validate_only) co_return result(name, ErrorCode::none, std::nullopt);
  int32_t count = wanted.count;
  auto all_there = [name, count](const ClusterImage& image) { return has_leaders(image, name, count); };
  bool in_time = co_await metadata_.wait_until(all_there, timeout, gone);
  if (!in_time) co_return result(name, ErrorCode::request_timed_out, "The request timed out.");
  co_return result(name, ErrorCode::none, std::nullopt);
}

}  // namespace gregor
