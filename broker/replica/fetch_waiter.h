#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <stop_token>

#include "runtime/shard.h"

namespace gregor {

/// A fetch that waits until enough bytes have become readable in any of its partitions.
///
/// Shared between the fetch, which waits on its own shard, and the partitions, which report from theirs.
class FetchWaiter : public std::enable_shared_from_this<FetchWaiter> {
 public:
  /// Waits on the calling shard, for `wanted_bytes` more.
  explicit FetchWaiter(int64_t wanted_bytes);

  /// `bytes` have become readable. Any thread.
  void on_readable(int64_t bytes);
  /// Something that the fetch has to see happened: leadership was lost, the log was cut. Any thread.
  void wake();
  /// Whether nobody needs to report any more. Any thread.
  bool is_done() const { return woken_.load(std::memory_order_relaxed); }

  /// Returns once woken, after `timeout`, or when `gone` is stopped.
  Task<void> wait(Duration timeout, std::stop_token gone);

 private:
  void resume();

  Shard& home_;
  std::atomic<int64_t> missing_bytes_;
  std::atomic<bool> woken_{false};
  // On the home shard only.
  bool ended_ = false;
  std::coroutine_handle<> awaiting_;
};

}  // namespace gregor
