#pragma once

#include <algorithm>
#include <coroutine>
#include <utility>
#include <vector>

#include "runtime/shard.h"

namespace gregor {

/// Coroutines of one shard that wait for something to happen, each until a deadline of its own.
class WaitList {
 public:
  class Awaiter {
   public:
    Awaiter(WaitList& list, Instant deadline) : list_(list), deadline_(deadline) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      awaiting_ = awaiting;
      list_.waiting_.push_back(this);
      timer_ = Shard::current()->call_at(deadline_, [this] { list_.time_out(*this); });
    }
    bool await_resume() const { return woken_; }

   private:
    friend class WaitList;
    WaitList& list_;
    Instant deadline_;
    std::coroutine_handle<> awaiting_;
    TimerId timer_ = 0;
    bool woken_ = false;
  };

  /// Awaited, yields true when woken and false once `deadline` has passed.
  Awaiter wait(Instant deadline) { return Awaiter(*this, deadline); }

  bool empty() const { return waiting_.empty(); }
  /// Resumes all that wait now.
  void wake_all() {
    for (Awaiter* awaiter : std::exchange(waiting_, {})) {
      Shard::current()->cancel(awaiter->timer_);
      awaiter->woken_ = true;
      awaiter->awaiting_.resume();
    }
  }

 private:
  void time_out(Awaiter& awaiter) {
    std::erase(waiting_, &awaiter);
    awaiter.awaiting_.resume();
  }

  std::vector<Awaiter*> waiting_;
};

}  // namespace gregor
