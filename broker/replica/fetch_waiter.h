#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <stop_token>

#include "runtime/shard.h"

namespace gregor {

/// A fetch that waits until enough bytes have become readable in any of its partitions.
///
/// Shared between the fetch and the partitions, which report from their shards.
class FetchWaiter : public std::enable_shared_from_this<FetchWaiter> {
 public:
  explicit FetchWaiter(int64_t wanted_bytes) : missing_bytes_(wanted_bytes) {}

  /// `bytes` have become readable in a partition of the calling shard. On any shard.
  void on_readable(int64_t bytes);
  /// Something that the fetch has to see happened to a partition of the calling shard: leadership was lost, the log
  /// was cut. On any shard.
  void on_change();
  /// The fetch itself has read `bytes` of those that it wants. On any shard.
  void note_read(int64_t bytes) { subtract(bytes); }
  /// Nobody waits, and nobody needs to report any more.
  void abandon() { stage_ = Stage::woken; }
  /// Whether nobody needs to report any more. Any thread.
  bool is_done() const { return stage_.load(std::memory_order_relaxed) == Stage::woken; }
  /// Whether a partition of `shard` has reported anything. Any thread.
  bool has_news_of(const Shard& shard) const { return (reporting_shards_.load() & bit_of(shard)) != 0; }

  /// Returns once woken, after `timeout`, or when `gone` is stopped. Before that `look` is called, once: on the
  /// shard whose report was enough, so that who waits need not go there for the news, otherwise on the calling one.
  Task<void> wait(Duration timeout, std::stop_token gone, UniqueFunction<void()> look);

 private:
  enum class Stage { before, waiting, woken };

  /// Shards that share a bit are only asked again without need.
  static uint64_t bit_of(const Shard& shard) { return uint64_t{1} << (shard.index() % 64); }
  void note_news() { reporting_shards_.fetch_or(bit_of(*Shard::current())); }
  void subtract(int64_t bytes);
  /// Whoever waits goes on on `shard`.
  void wake(Shard& shard);

  std::atomic<int64_t> missing_bytes_;
  std::atomic<uint64_t> reporting_shards_{0};
  std::atomic<Stage> stage_{Stage::before};
  std::coroutine_handle<> awaiting_;  ///< set before the stage is `waiting`, read by whoever ends that stage
};

}  // namespace gregor
