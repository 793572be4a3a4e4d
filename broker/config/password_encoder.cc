#include "broker/config/password_encoder.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <vector>

#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using ByteString = std::basic_string<unsigned char>;
using Fields = std::map<std::string, std::string, std::less<>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

constexpr size_t kSaltBytes = 256;
constexpr int kTagBytes = 16;
constexpr int32_t kMaxIterations = 10'000'000;
constexpr size_t kMaxEncodedBytes = 1 << 20;

Error problem(std::string message) { return Error{make_error_code(ErrorCode::invalid_config), std::move(message)}; }
Error undecodable() { return problem("Password could not be decoded"); }

std::string to_base64(const ByteString& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<ByteString> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  ByteString bytes(text.size() / 4 * 3, 0);
  int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                             static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return bytes;
}

const EVP_MD* digest_of(std::string_view key_factory) {
  if (key_factory == "PBKDF2WithHmacSHA512") return EVP_sha512();
  if (key_factory == "PBKDF2WithHmacSHA384") return EVP_sha384();
  if (key_factory == "PBKDF2WithHmacSHA256") return EVP_sha256();
  if (key_factory == "PBKDF2WithHmacSHA224") return EVP_sha224();
  return key_factory == "PBKDF2WithHmacSHA1" ? EVP_sha1() : nullptr;
}

bool is_gcm(std::string_view cipher) { return cipher == "AES/GCM/NoPadding"; }

const EVP_CIPHER* cipher_of(std::string_view name, int32_t key_length_bits) {
  if (!is_gcm(name) && name != "AES/CBC/PKCS5Padding") return nullptr;
  if (key_length_bits == 128) return is_gcm(name) ? EVP_aes_128_gcm() : EVP_aes_128_cbc();
  if (key_length_bits == 192) return is_gcm(name) ? EVP_aes_192_gcm() : EVP_aes_192_cbc();
  if (key_length_bits == 256) return is_gcm(name) ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
  return nullptr;
}

/// The key of the cipher; none for parameters that are not supported.
std::optional<ByteString> derived_key(const std::string& secret, const PasswordEncoder::Parameters& parameters,
                                      const ByteString& salt) {
  const EVP_MD* digest = digest_of(parameters.key_factory_algorithm);
  bool is_known =
      digest != nullptr && cipher_of(parameters.cipher_algorithm, parameters.key_length_bits) != nullptr;
  if (!is_known || parameters.iterations < 1 || parameters.iterations > kMaxIterations) return std::nullopt;
  ByteString key(static_cast<size_t>(parameters.key_length_bits / 8), 0);
  int derived =
      PKCS5_PBKDF2_HMAC(secret.data(), static_cast<int>(secret.size()), salt.data(), static_cast<int>(salt.size()),
                        parameters.iterations, digest, static_cast<int>(key.size()), key.data());
  return derived == 1 ? std::optional(key) : std::nullopt;
}

CipherContext new_context() { return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}; }

/// GCM's tag follows the text, as in Java.
std::optional<ByteString> encrypted(const EVP_CIPHER* cipher, const ByteString& key, const ByteString& vector,
                                    std::string_view text) {
  CipherContext context = new_context();
  bool has_tag = EVP_CIPHER_mode(cipher) == EVP_CIPH_GCM_MODE;
  ByteString out(text.size() + 2 * EVP_MAX_BLOCK_LENGTH + kTagBytes, 0);
  int size = 0;
  int rest = 0;
  bool done =
      EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), vector.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), out.data(), &size, reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), out.data() + size, &rest) == 1;
  size += rest;
  if (done && has_tag) {
    done = EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out.data() + size) == 1;
    size += kTagBytes;
  }
  if (!done) return std::nullopt;
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> decrypted(const EVP_CIPHER* cipher, const ByteString& key, const ByteString& vector,
                                     ByteString bytes) {
  CipherContext context = new_context();
  bool has_tag = EVP_CIPHER_mode(cipher) == EVP_CIPH_GCM_MODE;
  if (vector.size() != static_cast<size_t>(EVP_CIPHER_iv_length(cipher))) return std::nullopt;
  if (has_tag && bytes.size() < kTagBytes) return std::nullopt;
  size_t size = bytes.size() - (has_tag ? kTagBytes : 0);
  std::string out(size + EVP_MAX_BLOCK_LENGTH, '\0');
  auto* target = reinterpret_cast<unsigned char*>(out.data());
  int written = 0;
  int rest = 0;
  bool done = EVP_DecryptInit_ex(context.get(), cipher, nullptr, key.data(), vector.data()) == 1 &&
              EVP_DecryptUpdate(context.get(), target, &written, bytes.data(), static_cast<int>(size)) == 1;
  if (done && has_tag) {
    done = EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, bytes.data() + size) == 1;
  }
  done = done && EVP_DecryptFinal_ex(context.get(), target + written, &rest) == 1;
  if (!done) return std::nullopt;
  out.resize(static_cast<size_t>(written + rest));
  return out;
}

/// The length that Java gives a text: characters beyond U+FFFF count twice.
size_t java_length(std::string_view utf8) {
  size_t length = 0;
  for (char c : utf8) {
    auto byte = static_cast<unsigned char>(c);
    length += (byte & 0xc0) != 0x80;
    length += byte >= 0xf0;
  }
  return length;
}

/// The last colon of a field separates name and value.
std::optional<Fields> fields_of(std::string_view encoded) {
  Fields fields;
  for (const std::string& field : split_list(encoded)) {
    size_t colon = field.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    fields[std::string(trimmed(std::string_view(field).substr(0, colon)))] =
        trimmed(std::string_view(field).substr(colon + 1));
  }
  return fields;
}

int32_t number(const Fields& fields, std::string_view name) {
  auto found = fields.find(name);
  int32_t value = -1;
  if (found == fields.end()) return value;
  const std::string& text = found->second;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

std::string text(const Fields& fields, std::string_view name) {
  auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

std::optional<PasswordEncoder> encoder(const BrokerConfig& config, const std::optional<Password>& secret) {
  if (!secret) return std::nullopt;
  PasswordEncoder::Parameters parameters;
  parameters.key_factory_algorithm =
      config.get(options::password_encoder_keyfactory_algorithm).value_or("PBKDF2WithHmacSHA512");
  parameters.cipher_algorithm = config.get(options::password_encoder_cipher_algorithm);
  parameters.key_length_bits = config.get(options::password_encoder_key_length);
  parameters.iterations = config.get(options::password_encoder_iterations);
  return PasswordEncoder(secret->text, std::move(parameters));
}

}  // namespace

PasswordEncoder::PasswordEncoder(std::string secret, Parameters parameters)
    : secret_(std::move(secret)), parameters_(std::move(parameters)) {}

std::optional<PasswordEncoder> PasswordEncoder::from(const BrokerConfig& config) {
  return encoder(config, config.get(options::password_encoder_secret));
}

std::optional<PasswordEncoder> PasswordEncoder::from_old_secret(const BrokerConfig& config) {
  return encoder(config, config.get(options::password_encoder_old_secret));
}

Result<std::string> PasswordEncoder::encode(std::string_view password) const {
  ByteString salt(kSaltBytes, 0);
  auto key = RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1 ? derived_key(secret_, parameters_, salt)
                                                                         : std::nullopt;
  if (!key) {
    return problem(fmt::format("password.encoder: {} with {} and a key of {} bits is not supported",
                               parameters_.cipher_algorithm, parameters_.key_factory_algorithm,
                               parameters_.key_length_bits));
  }
  const EVP_CIPHER* cipher = cipher_of(parameters_.cipher_algorithm, parameters_.key_length_bits);
  ByteString vector(static_cast<size_t>(EVP_CIPHER_iv_length(cipher)), 0);
  if (RAND_bytes(vector.data(), static_cast<int>(vector.size())) != 1) return problem("no random numbers");
  auto bytes = encrypted(cipher, *key, vector, password);
  if (!bytes) return problem("Password could not be encoded");
  std::string tag =
      is_gcm(parameters_.cipher_algorithm) ? fmt::format(",authenticationTagLength:{}", kTagBytes * 8) : "";
  return fmt::format(
      "keyFactoryAlgorithm:{},cipherAlgorithm:{},keyLength:{},salt:{},iterations:{},encryptedPassword:{},"
      "passwordLength:{},initializationVector:{}{}",
      parameters_.key_factory_algorithm, parameters_.cipher_algorithm, parameters_.key_length_bits, to_base64(salt),
      parameters_.iterations, to_base64(*bytes), java_length(password), to_base64(vector), tag);
}

Result<std::string> PasswordEncoder::decode(std::string_view encoded) const {
  auto fields = encoded.size() <= kMaxEncodedBytes ? fields_of(encoded) : std::nullopt;
  if (!fields) return undecodable();
  Parameters parameters{text(*fields, "keyFactoryAlgorithm"), text(*fields, "cipherAlgorithm"),
                        number(*fields, "keyLength"), number(*fields, "iterations")};
  auto salt = from_base64(text(*fields, "salt"));
  auto bytes = from_base64(text(*fields, "encryptedPassword"));
  auto vector = from_base64(text(*fields, "initializationVector"));
  if (!salt || !bytes || !vector) return undecodable();
  auto key = derived_key(secret_, parameters, *salt);
  if (!key) return undecodable();
  auto password =
      decrypted(cipher_of(parameters.cipher_algorithm, parameters.key_length_bits), *key, *vector, *bytes);
  bool is_right = password && java_length(*password) == static_cast<size_t>(number(*fields, "passwordLength"));
  return is_right ? Result<std::string>(*password) : Result<std::string>(undecodable());
}

}  // namespace gregor
