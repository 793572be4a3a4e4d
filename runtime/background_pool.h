#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/shard.h"

namespace gregor {

/// Threads for work that blocks: fsync, recovery, deletion, name lookups. A shard awaits what it hands over.
class BackgroundPool {
 public:
  virtual ~BackgroundPool() = default;
  /// Runs `work` on one of the pool's threads. Callable from any thread.
  virtual void submit(UniqueFunction<void()> work) = 0;
  /// Lets it have at most `threads`, at least 1; those too many end once they have nothing to do. Callable from any
  /// thread.
  virtual void set_max_threads(size_t threads) = 0;
};

/// A pool of real threads, each started when there is first work that nobody idle can take.
class ThreadPool final : public BackgroundPool {
 public:
  explicit ThreadPool(size_t max_threads) : max_threads_(max_threads) {}
  /// Finishes what was submitted, then ends.
  ~ThreadPool() override;

  void submit(UniqueFunction<void()> work) override;
  void set_max_threads(size_t threads) override;

 private:
  void work_loop();
  void join_ended();

  size_t max_threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFunction<void()>> queue_;
  std::vector<std::thread> threads_;
  std::vector<std::thread::id> ended_;  ///< of threads that found themselves to be too many
  size_t idle_ = 0;
  bool stopping_ = false;
};

namespace background_detail {

template <class F>
class InBackground {
 public:
  using R = std::invoke_result_t<F&>;
  InBackground(BackgroundPool& pool, F function) : pool_(pool), function_(std::move(function)) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    Shard* origin = Shard::current();
    ASSERT(origin != nullptr);
    pool_.submit([this, origin, awaiting] {
      if constexpr (std::is_void_v<R>) {
        function_();
      } else {
        result_.emplace(function_());
      }
      origin->post([awaiting] { awaiting.resume(); });
    });
  }
  R await_resume() {
    if constexpr (!std::is_void_v<R>) return std::move(*result_);
  }

 private:
  struct Nothing {};
  BackgroundPool& pool_;
  F function_;
  std::conditional_t<std::is_void_v<R>, Nothing, std::optional<R>> result_;
};

}  // namespace background_detail

/// Awaited, runs `function` on a thread of `pool` and yields what it returned, back on the shard that asked.
template <class F>
auto in_background(BackgroundPool& pool, F function) {
  return background_detail::InBackground<F>(pool, std::move(function));
}

}  // namespace gregor
