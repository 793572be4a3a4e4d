#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/protocol/records.h"
#include "broker/types/uuid.h"
#include "runtime/bytes.h"
#include "wire/all_messages.h"

namespace gregor::protocol {

/// Gives fields values that differ from one field to the next, so that a swap would show.
class Filler {
 public:
  explicit Filler(Sample sample) : sample_(sample) {}

  void fill(bool& value) { value = next() % 2 == 1; }
  void fill(double& value) { value = next() + 0.5; }
  void fill(Uuid& value) { value.bytes.fill(static_cast<uint8_t>(next())); }
  void fill(std::string& value) { value = text(); }
  void fill(std::string_view& value) { value = text(); }
  void fill(Bytes& value) { value = as_bytes(text()); }
  void fill(std::vector<uint8_t>& value) { value.assign(1 + next() % 3, 7); }
  void fill(Records& value) { value = sample_ == Sample::sparse ? Records() : Records::view(as_bytes(text())); }

  template <class T>
  requires std::is_integral_v<T>
  void fill(T& value) { value = static_cast<T>(next() * 0x0101010101010101); }
  template <class T>
  void fill(std::optional<T>& value) {
    if (sample_ == Sample::filled) fill(value.emplace());
  }
  template <class T>
  void fill(std::vector<T>& values) {
    values.resize(sample_ == Sample::filled ? 2 : 1);
    for (T& value : values) fill(value);
  }
  /// Structures know how to fill themselves: the generated samples.h.
  template <class Struct>
  requires std::is_class_v<Struct>
  void fill(Struct& value) { fill_struct(*this, value); }

 private:
  uint64_t next() { return ++count_; }
  std::string_view text() {
    static constexpr std::array<std::string_view, 5> kTexts{"orders", "a", "payments-3", "Grüße",
                                                            "broker-1.example"};
    return sample_ == Sample::sparse ? std::string_view() : kTexts[next() % kTexts.size()];
  }

  Sample sample_;
  uint64_t count_ = 0;
};

}  // namespace gregor::protocol
