#include "broker/replica/fetch_waiter.h"

namespace gregor {

FetchWaiter::FetchWaiter(int64_t wanted_bytes) : home_(*Shard::current()), missing_bytes_(wanted_bytes) {}

void FetchWaiter::on_readable(int64_t bytes) {
  note_news();
  subtract(bytes);
}

void FetchWaiter::on_change() {
  note_news();
  wake();
}

void FetchWaiter::subtract(int64_t bytes) {
  if (missing_bytes_.fetch_sub(bytes) <= bytes) wake();
}

void FetchWaiter::wake() {
  if (woken_.exchange(true)) return;
  home_.post([self = shared_from_this()] { self->resume(); });
}

void FetchWaiter::resume() {
  ended_ = true;
  if (auto awaiting = std::exchange(awaiting_, nullptr)) awaiting.resume();
}

Task<void> FetchWaiter::wait(Duration timeout, std::stop_token gone) {
  struct Awaiter {
    FetchWaiter& waiter;
    bool await_ready() const { return waiter.ended_; }
    void await_suspend(std::coroutine_handle<> awaiting) const { waiter.awaiting_ = awaiting; }
    void await_resume() const {}
  };
  // Both only wake: the coroutine resumes from the shard's queue, when these are no longer being called.
  auto self = shared_from_this();
  std::stop_callback on_gone(gone, [self] { self->wake(); });
  TimerId timer = home_.call_after(timeout, [self] { self->wake(); });
  Awaiter waiting{*this};
  co_await waiting;
  home_.cancel(timer);
}

}  // namespace gregor
