#include "broker/api/dispatcher.h"

#include <algorithm>

#include "broker/api/api_versions.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

int16_t number_of(const std::unique_ptr<Api>& api) { return static_cast<int16_t>(api->key()); }

std::string unsupported(const protocol::RequestHeader& header) {
  return fmt::format("API key {} in version {} is not served, client_id={}", header.request_api_key,
                     header.request_api_version, header.client_id.value_or(""));
}

/// What a broker answers before it knows the cluster: what it can do, and the controller's own requests.
bool is_for_unready_broker(protocol::ApiKey key) {
  return key == protocol::ApiKey::api_versions || key == protocol::ApiKey::leader_and_isr ||
         key == protocol::ApiKey::update_metadata || key == protocol::ApiKey::stop_replica;
}

/// A request that was handled, until its answer is sent.
struct HandledRequest {
  ApiCounters& counters;
  int16_t version;
  RequestSizes sizes;
  Instant received;
  Instant handled;
  RequestTimes times;

  void record(Instant sent) {
    times.response_send = sent - handled;
    times.total = sent - received;
    counters.record(version, sizes, times, sent);
  }
};

constexpr Duration kReadyPatience = std::chrono::hours(1);

}  // namespace

void ApiRegistry::add(std::unique_ptr<Api> api) {
  auto behind =
      std::find_if(apis_.begin(), apis_.end(), [&](const auto& other) { return other->key() > api->key(); });
  apis_.insert(behind, std::move(api));
}

Api* ApiRegistry::find(int16_t key) const {
  auto found = std::lower_bound(apis_.begin(), apis_.end(), key,
                                [](const auto& api, int16_t wanted) { return number_of(api) < wanted; });
  return found != apis_.end() && number_of(*found) == key ? found->get() : nullptr;
}

Task<bool> Dispatcher::ready(const ConnectionInfo& connection) {
  BrokerId self = self_;
  auto knows_us = [self](const ClusterImage& image) { return image.broker(self) != nullptr; };
  while (true) {
    // Asked first: a peer that hung up right after its requests, acks=0 ones for instance, still has them carried
    // out.
    bool is_ready = co_await metadata_.wait_until(knows_us, kReadyPatience, connection.gone);
    if (is_ready || connection.gone.stop_requested()) co_return is_ready;
  }
}

Task<Reply> Dispatcher::handle(const ConnectionInfo& connection, RequestFrame frame) {
  ByteReader reader(frame.view());
  Result<protocol::RequestHeader> header = protocol::decode_request_header(reader);
  if (!header) co_return Reply::close(header.error().message);
  Api* api = registry_.find(header->request_api_key);
  if (api == nullptr) co_return Reply::close(unsupported(*header));
  RequestTrace trace;
  RequestContext context{connection, *header, trace, frame};
  if (!protocol::find_api(header->request_api_key)->supports(header->request_api_version)) {
    if (api->key() != protocol::ApiKey::api_versions) co_return Reply::close(unsupported(*header));
    co_return unsupported_api_versions_reply(context);
  }
  if (log::is_on(log::Level::debug)) {
    log::debug("request api={} version={} correlation_id={} client_id={} peer={}", protocol::name_of(api->key()),
               header->request_api_version, header->correlation_id, header->client_id.value_or(""),
               connection.peer);
  }
  if (!is_for_unready_broker(api->key()) && metadata_.image().broker(self_) == nullptr) {
    // Those that wait for the controller's request must not take the memory that it needs.
    frame.give_back_share();
    bool is_ready = co_await ready(connection);
    if (!is_ready) co_return Reply::close("the broker is not ready yet");
  }
  Reply reply = co_await handle_measured(*api, context, reader, frame.size());
  co_return reply;
}

Task<Reply> Dispatcher::handle_measured(Api& api, const RequestContext& context, ByteReader body,
                                        size_t size_bytes) {
  const Clock& clock = Shard::current()->clock();
  RequestTrace& trace = context.trace;
  trace.counters = &metrics_.of(api.key());
  Instant begun = clock.now();
  Reply reply = co_await api.handle(context, body);
  HandledRequest request{metrics_.of(api.key(), trace.kind), context.version(), {size_bytes, trace.converted_bytes},
                         context.connection.received,        clock.now(),       {}};
  request.times.queue = begun - request.received;
  request.times.handling = request.handled - begun;
  request.times.remote = trace.waited;
  request.times.conversion = trace.converting;
  request.times.throttle = trace.throttled;
  if (reply.kind == Reply::Kind::send) {
    reply.on_sent = [request](Instant sent) mutable { request.record(sent); };
  } else {
    request.record(request.handled);
  }
  co_return reply;
}

}  // namespace gregor
