#include "broker/config/password_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/stored_options.h"
#include "config_under_test.h"

namespace gregor {
namespace {

using testing::HasSubstr;

constexpr const char* kPassword = "s3cret-p\xc3\xa4ssword";
/// The bytes 0 to 255.
constexpr const char* kSalt =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9Q"
    "UVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6Ch"
    "oqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy"
    "8/T19vf4+fr7/P3+/w==";

PasswordEncoder encoder(std::string secret, std::string cipher = "AES/CBC/PKCS5Padding", int32_t bits = 128) {
  return PasswordEncoder(std::move(secret), {"PBKDF2WithHmacSHA512", std::move(cipher), bits, 4096});
}

/// What Python's hashlib and cryptography made of kPassword with "the secret", in Kafka's fields.
std::string from_python_cbc() {
  return std::string("keyFactoryAlgorithm:PBKDF2WithHmacSHA512,salt:") + kSalt +
         ",passwordLength:15,cipherAlgorithm:AES/CBC/PKCS5Padding,keyLength:128,iterations:4096,"
         "encryptedPassword:JC+IoKhRXWwRg0w4kCmQa2Gx4ulbGkcYtaCmJWSiFTc=,"
         "initializationVector:AAECAwQFBgcICQoLDA0ODw==";
}
std::string from_python_gcm() {
  return std::string("keyFactoryAlgorithm:PBKDF2WithHmacSHA1,salt:") + kSalt +
         ",passwordLength:15,cipherAlgorithm:AES/GCM/NoPadding,keyLength:256,iterations:2048,"
         "encryptedPassword:qcoxP+qoSJdy/G9ZlhejZLi82c4A94hWQPcQXEi4eBw=,"
         "initializationVector:AAECAwQFBgcICQoL,authenticationTagLength:128";
}

TEST(PasswordEncoder, ReadsWhatOthersEncrypted) {
  for (const std::string& encoded : {from_python_cbc(), from_python_gcm()}) {
    auto password = encoder("the secret").decode(encoded);
    ASSERT_TRUE(password.ok()) << encoded;
    EXPECT_EQ(*password, kPassword);
  }
}

TEST(PasswordEncoder, ReadsWhatItWrites) {
  for (const char* cipher : {"AES/CBC/PKCS5Padding", "AES/GCM/NoPadding"}) {
    for (int32_t bits : {128, 192, 256}) {
      auto encoded = encoder("a", cipher, bits).encode(kPassword);
      ASSERT_TRUE(encoded.ok());
      EXPECT_EQ(encoded->find("s3cret"), std::string::npos);
      EXPECT_THAT(*encoded, HasSubstr("passwordLength:15"));
      EXPECT_EQ(*encoder("a").decode(*encoded), kPassword);
      EXPECT_FALSE(encoder("b").decode(*encoded).ok());
      EXPECT_NE(*encoder("a", cipher, bits).encode(kPassword), *encoded) << "salt and vector are new each time";
    }
  }
}

TEST(PasswordEncoder, RefusesWhatIsDamaged) {
  std::string whole = from_python_cbc();
  EXPECT_FALSE(encoder("the secret").decode("").ok());
  EXPECT_FALSE(encoder("the secret").decode("plain text").ok());
  for (size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_FALSE(encoder("the secret").decode(whole.substr(0, length)).ok()) << length;
  }
  for (const char* field : {"iterations:0", "iterations:2000000000", "keyLength:7", "passwordLength:16"}) {
    std::string name = std::string(field).substr(0, std::string(field).find(':') + 1);
    std::string damaged = whole;
    size_t at = damaged.find(name);
    damaged.replace(at, damaged.find(',', at) - at, field);
    EXPECT_FALSE(encoder("the secret").decode(damaged).ok()) << field;
  }
}

TEST(PasswordEncoder, RefusesAnUnknownCipher) {
  EXPECT_FALSE(encoder("a", "DES/CBC/PKCS5Padding").encode("x").ok());
  EXPECT_FALSE(encoder("a", "AES/CBC/PKCS5Padding", 64).encode("x").ok());
}

TEST(StoredOptions, PasswordsAreStoredEncrypted) {
  constexpr const char* kKey = "listener.name.a.ssl.keystore.password";
  Properties options{{kKey, "hidden"}, {"min.insync.replicas", "2"}};
  EXPECT_EQ(options_to_stored(loaded({}), options).error().message, "Password encoder secret not configured");
  BrokerConfig config = loaded({{"password.encoder.secret", "new"}});
  auto stored = options_to_stored(config, options);
  ASSERT_TRUE(stored.ok());
  EXPECT_THAT(stored->at(kKey), HasSubstr("encryptedPassword:"));
  EXPECT_EQ(stored->at("min.insync.replicas"), "2");
  EXPECT_EQ(options_from_stored(config, *stored, DynamicLevel::broker), options);
  EXPECT_EQ(options_from_stored(loaded({}), *stored, DynamicLevel::broker),
            (Properties{{"min.insync.replicas", "2"}}));
}

TEST(StoredOptions, ANewSecretTakesThePlaceOfTheOld) {
  Properties options{{"listener.name.a.ssl.keystore.password", "hidden"}};
  auto stored = options_to_stored(loaded({{"password.encoder.secret", "old"}}), options);
  ASSERT_TRUE(stored.ok());
  BrokerConfig changed = loaded({{"password.encoder.secret", "new"}, {"password.encoder.old.secret", "old"}});
  auto renewed = with_present_secret(changed, *stored);
  ASSERT_TRUE(renewed.has_value());
  EXPECT_EQ(options_from_stored(loaded({{"password.encoder.secret", "new"}}), *renewed, DynamicLevel::broker),
            options);
  EXPECT_EQ(with_present_secret(changed, *renewed), std::nullopt) << "done before";
}

}  // namespace
}  // namespace gregor
