#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace gregor {

/// A view of bytes that somebody else owns.
using Bytes = std::span<const uint8_t>;

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Reads a big-endian integer at `from`; the caller has checked that it lies within the bytes it has.
template <class Int>
Int load_big_endian(const uint8_t* from) {
  std::make_unsigned_t<Int> value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof value == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof value == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof value == 8) value = __builtin_bswap64(value);
  return static_cast<Int>(value);
}

/// Writes `value` as a big-endian integer at `to`, which has room for it.
template <class Int>
void store_big_endian(uint8_t* to, Int value) {
  auto raw = static_cast<std::make_unsigned_t<Int>>(value);
  if constexpr (sizeof raw == 2) raw = __builtin_bswap16(raw);
  if constexpr (sizeof raw == 4) raw = __builtin_bswap32(raw);
  if constexpr (sizeof raw == 8) raw = __builtin_bswap64(raw);
  std::memcpy(to, &raw, sizeof raw);
}

}  // namespace gregor
