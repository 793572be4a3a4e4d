#include "broker/replica/replication_waiters.h"

namespace gregor {

Task<ErrorCode> ReplicationWaiters::wait(Offset end_offset, Duration timeout) {
  struct Awaiter {
    ReplicationWaiters* all;
    Waiter* waiter;
    Offset offset;
    Duration timeout;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const {
      waiter->awaiting = awaiting;
      auto place = all->waiting_.emplace(offset, waiter);
      waiter->timer = Shard::current()->call_after(
          timeout, [owner = all, place] { owner->end(place, ErrorCode::request_timed_out); });
    }
    void await_resume() const {}
  };
  Waiter waiter;
  Awaiter waiting{this, &waiter, end_offset, timeout};
  co_await waiting;
  co_return waiter.outcome;
}

void ReplicationWaiters::end(Waiting::iterator place, ErrorCode outcome) {
  Waiter& waiter = *place->second;
  waiting_.erase(place);
  waiter.outcome = outcome;
  Shard::current()->cancel(waiter.timer);
  Shard::current()->post([awaiting = waiter.awaiting] { awaiting.resume(); });
}

void ReplicationWaiters::on_reached(Offset reached, ErrorCode outcome) {
  while (!waiting_.empty() && waiting_.begin()->first <= reached) end(waiting_.begin(), outcome);
}

void ReplicationWaiters::end_all(ErrorCode outcome) {
  while (!waiting_.empty()) end(waiting_.begin(), outcome);
}

}  // namespace gregor
