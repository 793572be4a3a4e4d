#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace gregor {

/// The bytes that requests of all connections together may hold. Any thread may use it.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Takes `bytes` unless the budget is used up already. A request may overdraw it once it has begun, so that one
  /// that is larger than what is left still gets through.
  bool try_take(size_t bytes) {
    if (used_bytes_.load(std::memory_order_relaxed) >= limit_bytes_) return false;
    used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  void give_back(size_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_{0};
};

/// A share of the budget, given back when it goes out of scope.
class BudgetShare {
 public:
  explicit BudgetShare(MemoryBudget& budget) : budget_(&budget) {}
  BudgetShare(BudgetShare&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  BudgetShare& operator=(BudgetShare&&) = delete;
  ~BudgetShare() { budget_->give_back(bytes_); }

  bool try_grow_to(size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_->try_take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  MemoryBudget* budget_;
  size_t bytes_ = 0;
};

}  // namespace gregor
