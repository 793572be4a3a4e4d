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

  /// `bytes` have become readable in a partition of the calling shard. On any shard.
  void on_readable(int64_t bytes);
  /// Something that the fetch has to see happened to a partition of the calling shard: leadership was lost, the log
  /// was cut. On any shard.
  void on_change();
  /// The fetch itself has read `bytes` of those that it wants.
  void note_read(int64_t bytes) { subtract(bytes); }
  /// Nobody waits, and nobody needs to report any more.
  void abandon() { woken_ = true; }
  /// Whether nobody needs to report any more. Any thread.
  bool is_done() const { return woken_.load(std::memory_order_relaxed); }
  /// Whether a partition of `shard` has reported anything. Any thread.
  bool has_news_of(const Shard& shard) const { return (reporting_shards_.load() & bit_of(shard)) != 0; }

  /// Returns once woken, after `timeout`, or when `gone` is stopped.
  Task<void> wait(Duration timeout, std::stop_token gone);

 private:
  /// Shards that share a bit are only asked again without need.
  static uint64_t bit_of(const Shard& shard) { return uint64_t{1} << (shard.index() % 64); }
  void note_news() { reporting_shards_.fetch_or(bit_of(*Shard::current())); }
  void subtract(int64_t bytes);
  void wake();
  void resume();

  Shard& home_;
  std::atomic<int64_t> missing_bytes_;
  std::atomic<uint64_t> reporting_shards_{0};
  std::atomic<bool> woken_{false};
  // On the home shard only.
  bool ended_ = false;
  std::coroutine_handle<> awaiting_;
};

}  // namespace gregor
