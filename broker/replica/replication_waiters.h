#pragma once

#include <coroutine>
#include <map>

#include "broker/types/error_code.h"
#include "broker/types/ids.h"
#include "runtime/shard.h"

namespace gregor {

/// The produce requests with acks=all that wait for a partition's high watermark. On the partition's shard.
class ReplicationWaiters {
 public:
  ReplicationWaiters() = default;
  ReplicationWaiters(const ReplicationWaiters&) = delete;
  ReplicationWaiters& operator=(const ReplicationWaiters&) = delete;

  /// Yields what ended the wait for `end`: the error handed to one of the next two, or request_timed_out.
  Task<ErrorCode> wait(Offset end, Duration timeout);
  /// The high watermark is `reached` now: ends the waits up to there with `outcome`.
  void on_reached(Offset reached, ErrorCode outcome);
  /// Ends all waits.
  void end_all(ErrorCode outcome);
  bool empty() const { return waiting_.empty(); }
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiter {
    std::coroutine_handle<> awaiting;
    ErrorCode outcome = ErrorCode::request_timed_out;
    TimerId timer = 0;
  };
  using Waiting = std::multimap<Offset, Waiter*>;
  void end(Waiting::iterator waiter, ErrorCode outcome);

  Waiting waiting_;
};

}  // namespace gregor
