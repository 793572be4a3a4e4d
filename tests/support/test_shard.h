#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "runtime/epoll_shard.h"

namespace gregor::testing {

/// A real shard for a test, and a way for the test's thread to wait for a coroutine on it.
class TestShard {
 public:
  explicit TestShard(size_t index = 0) : shard_(index, "test", clock_) { shard_.start(); }
  ~TestShard() { shard_.stop(); }

  EpollShard& operator*() { return shard_; }
  EpollShard* operator->() { return &shard_; }

  /// Runs `task` on the shard and returns what it yields. Blocks the calling thread.
  template <class T>
  T run(Task<T> task) {
    Outcome<T> outcome;
    shard_.post([&] { spawn(finish(std::move(task), outcome)); });
    std::unique_lock lock(outcome.mutex);
    outcome.changed.wait(lock, [&] { return outcome.value.has_value(); });
    return std::move(*outcome.value);
  }

  /// Runs a plain function on the shard and returns what it returned.
  template <class F>
  auto call(F function) {
    return run(as_task(std::move(function)));
  }

 private:
  template <class T>
  struct Outcome {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<T> value;
  };

  template <class T>
  static Task<void> finish(Task<T> task, Outcome<T>& outcome) {
    T value = co_await task;
    std::lock_guard lock(outcome.mutex);
    outcome.value.emplace(std::move(value));
    outcome.changed.notify_all();
  }
  template <class F>
  static Task<std::invoke_result_t<F&>> as_task(F function) {
    co_return function();
  }

  SystemClock clock_;
  EpollShard shard_;
};

}  // namespace gregor::testing
