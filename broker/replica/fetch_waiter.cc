#include "broker/replica/fetch_waiter.h"

namespace gregor {

void FetchWaiter::on_readable(int64_t bytes) {
  note_news();
  subtract(bytes);
}

void FetchWaiter::on_change() {
  note_news();
  wake(*Shard::current());
}

void FetchWaiter::subtract(int64_t bytes) {
  if (missing_bytes_.fetch_sub(bytes) <= bytes) wake(*Shard::current());
}

void FetchWaiter::wake(Shard& shard) {
  if (stage_.exchange(Stage::woken) != Stage::waiting) return;
  // Not at once: the partition is telling others, too.
  shard.post([self = shared_from_this()] { self->awaiting_.resume(); });
}

Task<void> FetchWaiter::wait(Duration timeout, std::stop_token gone, UniqueFunction<void()> look) {
  struct Awaiter {
    FetchWaiter& waiter;
    bool await_ready() const { return waiter.is_done(); }
    bool await_suspend(std::coroutine_handle<> awaiting) const {
      waiter.awaiting_ = awaiting;
      Stage expected = Stage::before;
      return waiter.stage_.compare_exchange_strong(expected, Stage::waiting);
    }
    void await_resume() const {}
  };
  auto self = shared_from_this();
  Shard& home = *Shard::current();
  auto wake_at_home = [self, &home] { self->wake(home); };
  std::stop_callback on_gone(gone, wake_at_home);
  TimerId timer = home.call_after(timeout, wake_at_home);
  Awaiter waiting{*this};
  co_await waiting;
  look();
  co_await switch_to(home);
  home.cancel(timer);
}

}  // namespace gregor
