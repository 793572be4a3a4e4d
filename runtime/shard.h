#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/task.h"
#include "runtime/unique_function.h"

namespace gregor {

/// Names one pending timer of one shard; 0 names none.
using TimerId = uint64_t;

/// One thread of execution and what it owns. Code on a shard takes no locks and never blocks; what another shard
/// owns is reached with `on(shard, function)`.
///
/// The real one is an epoll loop on a thread of its own (EpollShard); a simulation runs many in one thread.
class Shard {
 public:
  virtual ~Shard() = default;

  /// The shard whose code is running on this thread, or null.
  static Shard* current();

  /// Runs `work` on this shard, after what was posted before. Callable from any thread.
  virtual void post(UniqueFunction<void()> work) = 0;
  /// Runs `work` here once `deadline` has passed. Called on this shard only, as is cancel.
  virtual TimerId call_at(Instant deadline, UniqueFunction<void()> work) = 0;
  /// Forgets a timer; no effect when it ran already.
  virtual void cancel(TimerId timer) = 0;
  virtual const Clock& clock() const = 0;

  /// Which part of the recent time it had nothing to do, from 0 to 1; 0 where nobody measures. Called on this
  /// shard.
  virtual double idle_ratio() { return 0; }

  /// Its place among the shards of the process, from 0.
  size_t index() const { return index_; }
  bool is_current() const { return current() == this; }
  TimerId call_after(Duration delay, UniqueFunction<void()> work) {
    return call_at(clock().now() + delay, std::move(work));
  }

 protected:
  explicit Shard(size_t index) : index_(index) {}
  static void set_current(Shard* shard);

 private:
  const size_t index_;
};

/// The shards of a process, in the order of their indexes. Wired in main, constant from then on.
using Shards = std::vector<Shard*>;

/// One T for each shard, each used on its own shard only.
template <class T>
class PerShard {
 public:
  explicit PerShard(size_t shards) : values_(shards) {}
  T& local() { return at(Shard::current()->index()); }
  const T& local() const { return values_[Shard::current()->index()].value; }
  T& at(size_t index) { return values_[index].value; }
  size_t size() const { return values_.size(); }

 private:
  // Apart by a cache line: the shards would slow each other down otherwise.
  struct alignas(64) Slot {
    T value{};
  };
  std::vector<Slot> values_;
};

/// Awaited, continues on `target`; at once when already there.
inline auto switch_to(Shard& target) {
  struct Awaiter {
    Shard& target;
    bool await_ready() const { return target.is_current(); }
    void await_suspend(std::coroutine_handle<> awaiting) const {
      target.post([awaiting] { awaiting.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{target};
}

/// Awaited, lets the shard do everything else that is due before it continues.
inline auto yield() {
  struct Awaiter {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const {
      Shard::current()->post([awaiting] { awaiting.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{};
}

/// Awaited, continues after `delay` on the same shard.
inline auto sleep_for(Duration delay) {
  struct Awaiter {
    Duration delay;
    bool await_ready() const { return delay <= Duration::zero(); }
    void await_suspend(std::coroutine_handle<> awaiting) const {
      Shard::current()->call_after(delay, [awaiting] { awaiting.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{delay};
}

namespace shard_detail {

template <class F>
class OnShard {
 public:
  using R = std::invoke_result_t<F&>;
  OnShard(Shard& target, F function) : target_(target), function_(std::move(function)) {}

  bool await_ready() {
    if (!target_.is_current()) return false;
    run();
    return true;
  }
  void await_suspend(std::coroutine_handle<> awaiting) {
    Shard* origin = Shard::current();
    ASSERT(origin != nullptr);
    target_.post([this, origin, awaiting] {
      run();
      origin->post([awaiting] { awaiting.resume(); });
    });
  }
  R await_resume() {
    if constexpr (!std::is_void_v<R>) return std::move(*result_);
  }

 private:
  void run() {
    if constexpr (std::is_void_v<R>) {
      function_();
    } else {
      result_.emplace(function_());
    }
  }

  struct Nothing {};
  Shard& target_;
  F function_;
  std::conditional_t<std::is_void_v<R>, Nothing, std::optional<R>> result_;
};

}  // namespace shard_detail

/// Awaited, runs `function` (a plain function, no coroutine) on `target` and yields what it returned, back on the
/// shard that asked. Runs at once, without a detour, when that is the same shard.
template <class F>
auto on(Shard& target, F function) {
  return shard_detail::OnShard<F>(target, std::move(function));
}

/// Runs a coroutine on `target` and continues on the shard that asked.
template <class T>
Task<T> run_on(Shard& target, Task<T> task) {
  Shard* origin = Shard::current();
  ASSERT(origin != nullptr);
  co_await switch_to(target);
  if constexpr (std::is_void_v<T>) {
    co_await task;
    co_await switch_to(*origin);
  } else {
    T value = co_await task;
    co_await switch_to(*origin);
    co_return value;
  }
}

namespace shard_detail {

template <class T>
struct Gathered {
  std::vector<std::optional<T>> values;
  size_t missing = 0;
  std::coroutine_handle<> awaiting;
};

template <class T>
Task<void> gather_one(Gathered<T>& gathered, size_t index, Task<T> task) {
  T value = co_await task;
  gathered.values[index].emplace(std::move(value));
  if (--gathered.missing == 0 && gathered.awaiting) gathered.awaiting.resume();
}

}  // namespace shard_detail

/// Starts all `tasks` at once on this shard and yields their values in order when the last has ended.
template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  struct Awaiter {
    shard_detail::Gathered<T>& gathered;
    bool await_ready() const { return gathered.missing == 0; }
    void await_suspend(std::coroutine_handle<> awaiting) const { gathered.awaiting = awaiting; }
    void await_resume() const {}
  };
  shard_detail::Gathered<T> gathered;
  gathered.values.resize(tasks.size());
  gathered.missing = tasks.size();
  for (size_t i = 0; i < tasks.size(); ++i) spawn(shard_detail::gather_one<T>(gathered, i, std::move(tasks[i])));
  Awaiter all_ended{gathered};
  co_await all_ended;
  std::vector<T> values;
  values.reserve(gathered.values.size());
  for (auto& value : gathered.values) values.push_back(std::move(*value));
  co_return values;
}

}  // namespace gregor
