#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gregor {

/// Kafka's 128-bit id of topics, clusters and directories, printed as 22 characters of base64url without padding.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
  bool is_zero() const { return *this == Uuid{}; }
  std::string to_string() const;
  /// None unless `text` is 22 characters of base64url that stand for 16 bytes.
  static std::optional<Uuid> parse(std::string_view text);
  /// A random (version 4) id from 16 random bytes.
  static Uuid from_random(std::array<uint8_t, 16> random);
};

}  // namespace gregor

template <>
struct std::hash<gregor::Uuid> {
  size_t operator()(const gregor::Uuid& id) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};
