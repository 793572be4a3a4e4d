#pragma once

#include <atomic>
#include <cstddef>

namespace gregor {

/// The bytes that requests of all connections together may hold. Any thread may use it.
///
/// Never overdrawn by more than two requests: the one that takes what is left, and one of those that have begun.
/// That one lets requests that wait for each other's memory go on, one after another.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Takes `bytes` unless the budget is used up already.
  bool try_take(size_t bytes) {
    if (used_bytes_.load(std::memory_order_relaxed) >= limit_bytes_) return false;
    used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  /// Takes `bytes` in any case when `who` is, or can become, the one that may overdraw.
  bool try_overdraw(const void* who, size_t bytes) {
    const void* holder = nullptr;
    if (!overdrawer_.compare_exchange_strong(holder, who) && holder != who) return false;
    used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  /// `who` may not overdraw any more.
  void end_overdraw(const void* who) { overdrawer_.compare_exchange_strong(who, nullptr); }
  void give_back(size_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
  std::atomic<const void*> overdrawer_{nullptr};
};

/// A share of the budget, given back when it goes out of scope.
class BudgetShare {
 public:
  explicit BudgetShare(MemoryBudget& budget) : budget_(&budget) {}
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;
  ~BudgetShare() {
    budget_->end_overdraw(this);
    budget_->give_back(bytes_);
  }

  bool try_grow_to(size_t bytes) {
    if (bytes <= bytes_) return true;
    size_t more = bytes - bytes_;
    bool has_begun = bytes_ > 0;
    if (!budget_->try_take(more) && !(has_begun && budget_->try_overdraw(this, more))) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  MemoryBudget* budget_;
  size_t bytes_ = 0;
};

}  // namespace gregor
