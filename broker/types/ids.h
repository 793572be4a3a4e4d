#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace gregor {

/// A number with a meaning of its own: values of different tags can't be mixed up.
template <class Tag, class Int>
struct StrongInt {
  Int value = 0;

  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Int raw) : value(raw) {}
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;
};

/// A broker's id, as in broker.id and /brokers/ids; -1 is none.
using BrokerId = StrongInt<struct BrokerIdTag, int32_t>;
inline constexpr BrokerId kNoBroker{-1};
/// Raised at every change of a partition's leader; -1 is unknown.
using LeaderEpoch = StrongInt<struct LeaderEpochTag, int32_t>;
inline constexpr LeaderEpoch kNoEpoch{-1};
/// Raised at every election of a controller.
using ControllerEpoch = StrongInt<struct ControllerEpochTag, int32_t>;
/// The zxid that created the broker's registration; -1 is unknown.
using BrokerEpoch = StrongInt<struct BrokerEpochTag, int64_t>;

/// A record's position in its partition. Arithmetic is that of a point on a line, at whose ends it wraps: what files
/// and peers claim may be any number, and is compared before it is believed.
struct Offset {
  int64_t value = 0;

  constexpr Offset() = default;
  constexpr explicit Offset(int64_t raw) : value(raw) {}
  friend constexpr auto operator<=>(Offset, Offset) = default;
  constexpr Offset operator+(int64_t distance) const {
    return Offset(static_cast<int64_t>(static_cast<uint64_t>(value) + static_cast<uint64_t>(distance)));
  }
  constexpr int64_t operator-(Offset other) const {
    return static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(other.value));
  }
};
inline constexpr Offset kNoOffset{-1};

}  // namespace gregor

template <class Tag, class Int>
struct std::hash<gregor::StrongInt<Tag, Int>> {
  size_t operator()(gregor::StrongInt<Tag, Int> id) const { return std::hash<Int>()(id.value); }
};
