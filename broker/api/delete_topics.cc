#include "broker/api/delete_topics.h"

#include "broker/config/options.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Request = protocol::DeleteTopicsRequest;
using Response = protocol::DeleteTopicsResponse;

// From this version on clients know TOPIC_DELETION_DISABLED.
constexpr int16_t kFirstWithDeletionDisabled = 3;

/// The wanted topics, in whichever of the two forms the version has.
std::vector<Request::Topic> wanted_topics(const Request& request) {
  std::vector<Request::Topic> topics = request.topics;
  for (std::string_view name : request.topic_names) topics.emplace_back().name = name;
  return topics;
}

void fail(Response::TopicResult& row, ErrorCode code, std::string message) {
  row.error_code = static_cast<int16_t>(code);
  row.error_message = std::move(message);
}

}  // namespace

Task<Response> DeleteTopicsApi::answer(RequestContext context, Request request) {
  Response response =
      co_await run_on(admin_shard_, delete_all(std::move(request), context.version(), context.connection.gone));
  co_return response;
}

Task<Response> DeleteTopicsApi::delete_all(Request request, int16_t version, std::stop_token gone) {
  Instant deadline = Shard::current()->clock().now() + std::chrono::milliseconds(request.timeout_ms);
  std::vector<Task<Response::TopicResult>> deletions;
  for (const auto& topic : wanted_topics(request)) deletions.push_back(delete_one(topic, deadline, version, gone));
  Response response;
  response.responses = co_await when_all(std::move(deletions));
  co_return response;
}

Task<Response::TopicResult> DeleteTopicsApi::delete_one(Request::Topic wanted, Instant deadline, int16_t version,
                                                        std::stop_token gone) {
  Response::TopicResult row;
  row.topic_id = wanted.topic_id;
  if (wanted.name) row.name = std::string(*wanted.name);
  if (!controller_.is_active()) {
    fail(row, ErrorCode::not_controller, "This is not the correct controller for this cluster.");
    co_return row;
  }
  if (!config_.get(options::delete_topic_enable)) {
    bool is_known = version >= kFirstWithDeletionDisabled;
    fail(row, is_known ? ErrorCode::topic_deletion_disabled : ErrorCode::invalid_request,
         "Topic deletion is disabled.");
    co_return row;
  }
  if (wanted.name && !wanted.topic_id.is_zero()) {
    fail(row, ErrorCode::invalid_request, "Topic name and topic ID can not both be specified.");
    co_return row;
  }
  const ClusterImage& image = metadata_.image();
  const TopicImage* topic = wanted.name ? image.topic(*wanted.name) : image.topic(wanted.topic_id);
  if (topic == nullptr) {
    fail(row, wanted.name ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id,
         wanted.name ? "This server does not host this topic-partition."
                     : "This server does not host this topic ID.");
    co_return row;
  }
  row.name = topic->name;
  row.topic_id = topic->id;
  Result<void> asked = co_await admin_.request_deletion(*row.name);
  if (!asked) {
    fail(row, kafka_code(asked.error().code), asked.error().message);
    co_return row;
  }
  bool is_gone = co_await admin_.wait_until_deleted(*row.name, row.topic_id, deadline, gone);
  if (!is_gone) fail(row, ErrorCode::request_timed_out, "The request timed out.");
  co_return row;
}

}  // namespace gregor
