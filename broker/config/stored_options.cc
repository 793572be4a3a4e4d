#include "broker/config/stored_options.h"

#include "broker/config/option_name.h"
#include "broker/config/password_encoder.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

Error no_secret() {
  return Error{make_error_code(ErrorCode::invalid_config), "Password encoder secret not configured"};
}

Result<std::string> decoded(const std::optional<PasswordEncoder>& encoder, const std::string& value) {
  return encoder ? encoder->decode(value) : Result<std::string>(no_secret());
}

}  // namespace

Properties options_from_stored(const BrokerConfig& config, const Properties& stored, DynamicLevel level) {
  Properties options = usable_dynamic_options(stored, level);
  auto encoder = PasswordEncoder::from(config);
  for (auto option = options.begin(); option != options.end();) {
    auto& [key, value] = *option;
    auto password = is_dynamic_password(key) ? decoded(encoder, value) : Result<std::string>(value);
    if (password) {
      value = *password;
      ++option;
    } else {
      log::error("a dynamic password could not be decoded and is ignored option={} reason=\"{}\"", key,
                 password.error().message);
      option = options.erase(option);
    }
  }
  return options;
}

Result<Properties> options_to_stored(const BrokerConfig& config, const Properties& options) {
  Properties stored = options;
  auto encoder = PasswordEncoder::from(config);
  for (auto& [key, value] : stored) {
    if (!is_dynamic_password(key)) continue;
    if (!encoder) return no_secret();
    auto encoded = encoder->encode(value);
    if (!encoded) return encoded.error();
    value = *encoded;
  }
  return stored;
}

std::optional<Properties> with_present_secret(const BrokerConfig& config, const Properties& stored) {
  auto encoder = PasswordEncoder::from(config);
  auto old_encoder = PasswordEncoder::from_old_secret(config);
  if (!encoder || !old_encoder) return std::nullopt;
  Properties renewed = stored;
  for (auto& [key, value] : renewed) {
    auto password = is_dynamic_password(key) ? old_encoder->decode(value) : Result<std::string>(no_secret());
    if (!password) continue;
    auto encoded = encoder->encode(*password);
    if (encoded) value = *encoded;
  }
  return renewed == stored ? std::nullopt : std::optional(std::move(renewed));
}

}  // namespace gregor
