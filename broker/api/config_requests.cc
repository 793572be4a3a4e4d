#include "broker/api/config_requests.h"

namespace gregor {

Error bad_config_request(std::string message) {
  return Error{make_error_code(ErrorCode::invalid_request), std::move(message)};
}

std::optional<ConfigResourceType> config_resource_type(int8_t number) {
  for (auto type : {ConfigResourceType::topic, ConfigResourceType::broker, ConfigResourceType::broker_logger,
                    ConfigResourceType::client_metrics}) {
    if (static_cast<int8_t>(type) == number) return type;
  }
  return std::nullopt;
}

}  // namespace gregor
