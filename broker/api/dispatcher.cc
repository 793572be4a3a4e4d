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

}  // namespace

void ApiRegistry::add(std::unique_ptr<Api> api) {
  auto behind = std::find_if(apis_.begin(), apis_.end(), [&](const auto& other) { return other->key() > api->key(); });
  apis_.insert(behind, std::move(api));
}

Api* ApiRegistry::find(int16_t key) const {
  auto found = std::lower_bound(apis_.begin(), apis_.end(), key,
                                [](const auto& api, int16_t wanted) { return number_of(api) < wanted; });
  return found != apis_.end() && number_of(*found) == key ? found->get() : nullptr;
}

Task<Reply> Dispatcher::handle(const ConnectionInfo& connection, Buffer frame) {
  ByteReader reader(frame.view());
  Result<protocol::RequestHeader> header = protocol::decode_request_header(reader);
  if (!header) co_return Reply::close(header.error().message);
  Api* api = registry_.find(header->request_api_key);
  if (api == nullptr) co_return Reply::close(unsupported(*header));
  RequestContext context{connection, *header};
  if (!protocol::find_api(header->request_api_key)->supports(header->request_api_version)) {
    if (api->key() != protocol::ApiKey::api_versions) co_return Reply::close(unsupported(*header));
    co_return unsupported_api_versions_reply(context);
  }
  if (log::is_on(log::Level::debug)) {
    log::debug("request api={} version={} correlation_id={} client_id={} peer={}", protocol::name_of(api->key()),
               header->request_api_version, header->correlation_id, header->client_id.value_or(""), connection.peer);
  }
  Reply reply = co_await api->handle(context, reader);
  co_return reply;
}

}  // namespace gregor
