#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace gregor {

/// Where random bytes come from; a simulation brings a seeded one. Any thread may ask.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<uint8_t> into) = 0;

  std::array<uint8_t, 16> sixteen_bytes() {
    std::array<uint8_t, 16> bytes;
    fill(bytes);
    return bytes;
  }
  uint64_t number() {
    uint64_t value;
    fill({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
};

/// The operating system's.
class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> into) override;
};

}  // namespace gregor
