#pragma once

#include <coroutine>
#include <deque>
#include <utility>

#include "runtime/shard.h"

namespace gregor {

/// Lets one coroutine of a shard at a time through a stretch of code that awaits; the others queue up in order. No
/// thread ever blocks. Used on one shard only.
class AsyncMutex {
 public:
  /// Held while it lives.
  class Guard {
   public:
    explicit Guard(AsyncMutex& mutex) : mutex_(&mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  /// Awaited, yields the guard once it is this coroutine's turn.
  auto lock() {
    struct Awaiter {
      AsyncMutex* mutex;
      bool await_ready() const {
        if (mutex->locked_) return false;
        mutex->locked_ = true;
        return true;
      }
      void await_suspend(std::coroutine_handle<> awaiting) const { mutex->queue_.push_back(awaiting); }
      Guard await_resume() const { return Guard(*mutex); }
    };
    return Awaiter{this};
  }

  bool is_locked() const { return locked_; }

 private:
  void unlock() {
    if (queue_.empty()) {
      locked_ = false;
      return;
    }
    auto next = queue_.front();
    queue_.pop_front();
    Shard::current()->post([next] { next.resume(); });
  }

  bool locked_ = false;
  std::deque<std::coroutine_handle<>> queue_;
};

}  // namespace gregor
