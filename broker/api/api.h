#pragma once

#include <utility>

#include "broker/api/request_metrics.h"
#include "broker/net/connection.h"
#include "broker/protocol/api_info.h"
#include "broker/protocol/frame.h"
#include "broker/protocol/header.h"
#include "runtime/byte_reader.h"
#include "runtime/task.h"

namespace gregor {

/// What a handler tells of its work, for the metrics. On the connection's shard.
struct RequestTrace {
  RequestMetrics::Kind kind = RequestMetrics::Kind::any;
  Duration waited{};           ///< for replicas, for records or for time to pass
  Duration converting{};       ///< records into the form of other versions
  size_t converted_bytes = 0;  ///< size of the records that were converted
  Duration throttled{};        ///< by a quota
  ApiCounters* counters = nullptr;
};

/// One request, apart from its body. Its texts are views into the frame; good until the reply is made, or until the
/// handler frees the frame.
struct RequestContext {
  const ConnectionInfo& connection;
  const protocol::RequestHeader& header;
  RequestTrace& trace;
  RequestFrame& frame;

  int16_t version() const { return header.request_api_version; }
};

/// One API: which versions of it are served, and how a request is answered. Wired in main, called on any shard, by
/// many requests at once.
class Api {
 public:
  virtual ~Api() = default;
  virtual protocol::ApiKey key() const = 0;
  /// Answers a request whose body is what `body` has left. Before it waits for long it gives back the frame's share
  /// of the memory for requests.
  virtual Task<Reply> handle(RequestContext context, ByteReader body) = 0;
};

/// `frame` and the file slices that belong into its splices, in their order.
OutgoingFrame outgoing(protocol::MessageWriter frame, std::vector<FileSlice> slices = {});

/// Counts the error codes of an answer.
template <class Response>
void count_errors(const RequestContext& context, const Response& response) {
  if (context.trace.counters == nullptr) return;
  response.each_error([&](int16_t code) { context.trace.counters->count_error(code); });
}

/// A reply that carries `response` in the version of the request.
template <class Response>
Reply reply_with(const RequestContext& context, const Response& response, std::vector<FileSlice> slices = {}) {
  count_errors(context, response);
  return Reply::send(outgoing(protocol::response_frame(response, context.version(), context.header.correlation_id),
                              std::move(slices)));
}

/// Decodes a body; what is no such request, or goes on after its end, is an Error.
template <class Request>
Result<Request> decode_body(const RequestContext& context, ByteReader& body) {
  return Request::decode(body, context.version());
}

/// An API with one struct in and one out, which is all but Produce and Fetch.
template <class Request, class Response>
class TypedApi : public Api {
 public:
  protocol::ApiKey key() const final { return Request::kApiKey; }

  Task<Reply> handle(RequestContext context, ByteReader body) final {
    Result<Request> request = decode_body<Request>(context, body);
    if (!request) co_return Reply::close(request.error().message);
    context.frame.give_back_share();
    Response response = co_await answer(context, std::move(*request));
    co_return reply_with(context, response);
  }

 protected:
  virtual Task<Response> answer(RequestContext context, Request request) = 0;
};

}  // namespace gregor
