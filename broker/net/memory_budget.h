#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <list>
#include <memory>
#include <stop_token>
#include <utility>

#include "runtime/shard.h"

namespace gregor {

/// The bytes that requests of all connections together may hold. Used on every shard.
///
/// What does not fit waits, in one queue for all shards, which lives on the home shard: first come, first served.
/// Never overdrawn by more than two requests: the one that takes what is left, and one of those that have begun,
/// the overdrawer. That one lets requests that wait for each other's memory go on, one after another.
class MemoryBudget {
 public:
  MemoryBudget(Shard& home, size_t limit_bytes) : home_(home), limit_bytes_(limit_bytes) {}

  /// Takes effect at once; what is held stays held.
  void set_limit(size_t limit_bytes);
  size_t limit_bytes() const { return limit_bytes_; }
  size_t used_bytes() const { return used_bytes_; }
  /// Whoever wants some now has to wait.
  bool is_used_up() const { return waiting_ > 0 || used_bytes_ >= limit_bytes_; }

 private:
  friend class BudgetShare;

  struct Wait {
    size_t bytes;
    bool has_begun;
    Shard& origin;
    std::coroutine_handle<> awaiting;
    // On the home shard, until the wait has ended.
    bool is_queued = false;
    bool is_cancelled = false;
    bool is_granted = false;
    bool is_overdrawer = false;
  };

  /// Takes `bytes` unless the budget is used up already, or others wait.
  bool try_take(size_t bytes) { return waiting_ == 0 && try_add(bytes); }
  /// Takes `bytes` unless the budget is used up already.
  bool try_add(size_t bytes);
  /// Takes `bytes` in any case.
  void overdraw(size_t bytes) { used_bytes_ += bytes; }
  void give_back(size_t bytes, bool was_overdrawer);

  // On the home shard.
  void enqueue(std::shared_ptr<Wait> wait);
  void cancel(const std::shared_ptr<Wait>& wait);
  void end(const std::shared_ptr<Wait>& wait);
  /// Grants what can be granted.
  void serve();
  bool grant_one();

  Shard& home_;
  std::atomic<size_t> limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
  std::atomic<size_t> waiting_{0};  ///< those on their way into the queue among them
  std::atomic<bool> has_overdrawer_{false};
  std::list<std::shared_ptr<Wait>> queue_;  ///< on the home shard
};

/// A share of the budget, given back when it goes out of scope. On one shard.
class BudgetShare {
 public:
  BudgetShare() = default;
  explicit BudgetShare(MemoryBudget& budget) : budget_(&budget) {}
  BudgetShare(BudgetShare&& other) noexcept
      : budget_(other.budget_),
        bytes_(std::exchange(other.bytes_, 0)),
        is_overdrawer_(std::exchange(other.is_overdrawer_, false)) {}
  BudgetShare& operator=(BudgetShare&&) = delete;
  ~BudgetShare() { give_back(); }

  bool try_grow_to(size_t bytes);
  /// The same, waiting for its turn; false when `gone` was stopped first.
  Task<bool> grow_to(size_t bytes, std::stop_token gone);
  /// It holds nothing any more.
  void give_back();

 private:
  MemoryBudget* budget_ = nullptr;
  size_t bytes_ = 0;
  bool is_overdrawer_ = false;
};

}  // namespace gregor
