#include "broker/net/memory_budget.h"

#include <algorithm>

namespace gregor {

void MemoryBudget::set_limit(size_t limit_bytes) {
  limit_bytes_ = limit_bytes;
  home_.post([this] { serve(); });
}

bool MemoryBudget::try_add(size_t bytes) {
  size_t used = used_bytes_;
  while (used < limit_bytes_) {
    if (used_bytes_.compare_exchange_weak(used, used + bytes)) return true;
  }
  return false;
}

void MemoryBudget::give_back(size_t bytes, bool was_overdrawer) {
  if (was_overdrawer) has_overdrawer_ = false;
  used_bytes_ -= bytes;
  // Whoever finds the budget used up counts itself as waiting before it looks again on the home shard.
  if (waiting_ > 0) home_.post([this] { serve(); });
}

void MemoryBudget::enqueue(std::shared_ptr<Wait> wait) {
  if (wait->is_cancelled) return end(wait);
  wait->is_queued = true;
  queue_.push_back(std::move(wait));
  serve();
}

void MemoryBudget::cancel(const std::shared_ptr<Wait>& wait) {
  wait->is_cancelled = true;
  if (!wait->is_queued) return;
  queue_.remove(wait);
  end(wait);
}

void MemoryBudget::end(const std::shared_ptr<Wait>& wait) {
  wait->is_queued = false;
  --waiting_;
  wait->origin.post([wait] { wait->awaiting.resume(); });
}

void MemoryBudget::serve() {
  while (!queue_.empty() && grant_one()) {
  }
}

bool MemoryBudget::grant_one() {
  auto next = queue_.begin();
  if (!try_add((*next)->bytes)) {
    if (has_overdrawer_) return false;
    next = std::find_if(queue_.begin(), queue_.end(), [](const auto& wait) { return wait->has_begun; });
    if (next == queue_.end()) return false;
    has_overdrawer_ = true;
    (*next)->is_overdrawer = true;
    overdraw((*next)->bytes);
  }
  std::shared_ptr<Wait> wait = *next;
  queue_.erase(next);
  wait->is_granted = true;
  end(wait);
  return true;
}

void BudgetShare::give_back() {
  if (bytes_ == 0) return;
  budget_->give_back(std::exchange(bytes_, 0), std::exchange(is_overdrawer_, false));
}

bool BudgetShare::try_grow_to(size_t bytes) {
  if (bytes <= bytes_) return true;
  size_t more = bytes - bytes_;
  if (is_overdrawer_) {
    budget_->overdraw(more);
  } else if (!budget_->try_take(more)) {
    return false;
  }
  bytes_ = bytes;
  return true;
}

Task<bool> BudgetShare::grow_to(size_t bytes, std::stop_token gone) {
  struct Awaiter {
    MemoryBudget* budget;
    std::shared_ptr<MemoryBudget::Wait> wait;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const {
      wait->awaiting = awaiting;
      ++budget->waiting_;
      budget->home_.post([budget = budget, wait = wait] { budget->enqueue(wait); });
    }
    void await_resume() const {}
  };
  if (try_grow_to(bytes)) co_return true;
  auto wait =
      std::make_shared<MemoryBudget::Wait>(MemoryBudget::Wait{bytes - bytes_, bytes_ > 0, *Shard::current(), {}});
  MemoryBudget* budget = budget_;
  auto cancel = [budget, wait] { budget->home_.post([budget, wait] { budget->cancel(wait); }); };
  std::stop_callback on_gone(gone, cancel);
  Awaiter waiting{budget, wait};
  co_await waiting;
  if (!wait->is_granted) co_return false;
  bytes_ = bytes;
  is_overdrawer_ = wait->is_overdrawer;
  co_return true;
}

}  // namespace gregor
