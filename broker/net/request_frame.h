#pragma once

#include <utility>

#include "broker/net/memory_budget.h"
#include "runtime/buffer.h"

namespace gregor {

/// A request as it came, without its size prefix, and the share of the memory for requests that it takes. Both are
/// given back when it goes out of scope, or earlier by a handler that goes on without them: whoever waits long must
/// not keep others from being read. On its connection's shard.
class RequestFrame {
 public:
  explicit RequestFrame(MemoryBudget& budget) : share_(budget) {}
  /// A frame that counts nowhere.
  explicit RequestFrame(Buffer bytes) : bytes_(std::move(bytes)) {}

  Bytes view() const { return bytes_.view().subspan(begin_); }
  size_t size() const { return bytes_.size() - begin_; }

  /// While it is received: what came, of which the request begins at `begin`.
  Buffer& bytes() { return bytes_; }
  void begin_at(size_t begin) { begin_ = begin; }
  BudgetShare& share() { return share_; }

  /// What is left of it no longer counts. For requests that carry no records: what they say is small beside what it
  /// sets going.
  void give_back_share() { share_.give_back(); }
  /// Frees the bytes, too: views into them are gone.
  void free() {
    bytes_ = Buffer();
    begin_ = 0;
    share_.give_back();
  }

 private:
  Buffer bytes_;
  size_t begin_ = 0;
  BudgetShare share_;
};

}  // namespace gregor
