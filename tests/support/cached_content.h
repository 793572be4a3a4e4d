#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "runtime/bytes.h"

namespace gregor::testing {

/// The content of one file as a machine has it: what programs see, in the page cache, and what the disk has.
///
/// Between two syncs every write and every truncation is remembered. A loss of power keeps some of them: either the
/// first ones, the next of them torn at any byte, or, as the kernel writes pages in any order, the last ones
/// without those before; a truncation is never overtaken. Where bytes were lost before others that were kept, there
/// are zeros.
class CachedContent {
 public:
  const std::vector<uint8_t>& bytes() const { return seen_; }
  void write(uint64_t position, Bytes data);
  void truncate(uint64_t size);
  /// The disk has everything now.
  void sync();
  /// A sync that failed: the kernel drops what it could not write and forgets about it. Programs go on seeing it,
  /// but no later sync brings it to the disk.
  void fail_to_sync() { unsynced_.clear(); }
  /// The least that is there after a loss of power.
  const std::vector<uint8_t>& durable() const { return durable_; }
  /// True when the disk has all that programs see.
  bool is_durable() const { return unsynced_.empty() && durable_ == seen_; }
  /// What is there after a loss of power, as `random` has it.
  void lose_power(std::mt19937_64& random);
  /// The least that is there after a loss of power.
  void lose_everything_unsynced();

 private:
  struct Change {
    bool is_truncation = false;
    uint64_t position = 0;  ///< or the size that was cut to
    std::vector<uint8_t> data;
  };
  static void apply(const Change& change, size_t count, std::vector<uint8_t>& to);
  void apply_whole(size_t first, size_t last);

  std::vector<uint8_t> seen_;
  std::vector<uint8_t> durable_;
  std::vector<Change> unsynced_;
};

}  // namespace gregor::testing
