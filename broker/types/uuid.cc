#include "broker/types/uuid.h"

namespace gregor {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextSize = 22;

}  // namespace

std::string Uuid::to_string() const {
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += kAlphabet[pending >> bits & 63];
    }
  }
  text += kAlphabet[pending << (6 - bits) & 63];
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid id;
  uint32_t pending = 0;
  int bits = 0;
  size_t filled = 0;
  for (char character : text) {
    size_t value = kAlphabet.find(character);
    if (value == std::string_view::npos) return std::nullopt;
    pending = pending << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      id.bytes[filled++] = static_cast<uint8_t>(pending >> bits);
    }
  }
  if ((pending & ((1u << bits) - 1)) != 0) return std::nullopt;
  return id;
}

Uuid Uuid::from_random(std::array<uint8_t, 16> random) {
  random[6] = static_cast<uint8_t>((random[6] & 0x0f) | 0x40);
  random[8] = static_cast<uint8_t>((random[8] & 0x3f) | 0x80);
  return Uuid{random};
}

}  // namespace gregor
