#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/config/broker_config.h"
#include "runtime/result.h"

namespace gregor {

/// Encrypts the passwords that are set at run time, as they must not lie in ZooKeeper in clear, in Kafka's format:
/// the parameters as name:value, separated by commas (docs/formats.md). The key is derived from a secret that every
/// start of the broker is given. Immutable; any thread may use it.
class PasswordEncoder {
 public:
  struct Parameters {
    std::string key_factory_algorithm;  ///< PBKDF2WithHmacSHA512, SHA384, SHA256, SHA224 or SHA1
    std::string cipher_algorithm;       ///< AES/CBC/PKCS5Padding or AES/GCM/NoPadding
    int32_t key_length_bits = 128;
    int32_t iterations = 4096;
  };

  /// By the options password.encoder.*, none when they give no secret.
  static std::optional<PasswordEncoder> from(const BrokerConfig& config);
  /// By the secret that counted before; none when there was no other.
  static std::optional<PasswordEncoder> from_old_secret(const BrokerConfig& config);

  PasswordEncoder(std::string secret, Parameters parameters);

  /// Error: invalid_config for parameters that are not supported.
  Result<std::string> encode(std::string_view password) const;
  /// Error: invalid_config for what was not encrypted with this secret, or is damaged.
  Result<std::string> decode(std::string_view encoded) const;

 private:
  std::string secret_;
  Parameters parameters_;
};

}  // namespace gregor
