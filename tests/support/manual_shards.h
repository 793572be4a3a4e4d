#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/background_pool.h"
#include "runtime/shard.h"

namespace gregor::testing {

/// A clock that moves when the test says so.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  int64_t wall_ms() const override {
    return kStartMs + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - Instant()).count();
  }
  void move_to(Instant now) { now_ = now; }

 private:
  static constexpr int64_t kStartMs = 1'700'000'000'000;
  Instant now_{std::chrono::hours(1)};
};

/// A shard without a thread, driven by ManualShards.
class ManualShard final : public Shard {
 public:
  ManualShard(size_t index, const Clock& clock) : Shard(index), clock_(clock) {}

  void post(UniqueFunction<void()> work) override { queue_.push_back(std::move(work)); }
  TimerId call_at(Instant deadline, UniqueFunction<void()> work) override {
    TimerId id = ++last_timer_;
    timers_.emplace(std::pair(deadline, id), std::move(work));
    return id;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  const Clock& clock() const override { return clock_; }

  /// Runs `work` as this shard.
  template <class F>
  auto run(F& work) {
    struct Here {
      explicit Here(Shard* shard) : before(Shard::current()) { set_current(shard); }
      ~Here() { set_current(before); }
      Shard* before;
    };
    Here here(this);
    return work();
  }
  /// Runs one thing that is due; false when there was none.
  bool run_one() {
    UniqueFunction<void()> work;
    if (!queue_.empty()) {
      work = std::move(queue_.front());
      queue_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first.first <= clock_.now()) {
      work = std::move(timers_.extract(timers_.begin()).mapped());
    } else {
      return false;
    }
    run(work);
    return true;
  }
  std::optional<Instant> next_timer() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
  }
  size_t pending_timers() const { return timers_.size(); }

 private:
  const Clock& clock_;
  std::deque<UniqueFunction<void()>> queue_;
  std::map<std::pair<Instant, TimerId>, UniqueFunction<void()>> timers_;
  TimerId last_timer_ = 0;
};

/// Does its work at once in the thread that asks, or, while it is held, when it is let go.
class InlinePool final : public BackgroundPool {
 public:
  void submit(UniqueFunction<void()> work) override {
    if (is_held_) {
      held_.push_back(std::move(work));
    } else {
      work();
    }
  }
  void set_max_threads(size_t) override {}  // it has none
  void hold() { is_held_ = true; }
  size_t held() const { return held_.size(); }
  void let_go() {
    is_held_ = false;
    for (auto& work : std::exchange(held_, {})) work();
  }

 private:
  bool is_held_ = false;
  std::vector<UniqueFunction<void()>> held_;
};

/// A coroutine that was started and may not have ended yet.
template <class T>
class Started {
 public:
  bool has_ended() const { return value_->has_value(); }
  T& value() {
    ASSERT(has_ended());
    return **value_;
  }

 private:
  friend class ManualShards;
  std::shared_ptr<std::optional<T>> value_ = std::make_shared<std::optional<T>>();
};

/// The shards of a test, all in the test's own thread and in one order of events. Nothing waits for real time.
class ManualShards {
 public:
  explicit ManualShards(size_t count = 1) {
    for (size_t i = 0; i < count; ++i) {
      owned_.push_back(std::make_unique<ManualShard>(i, clock_));
      all_.push_back(owned_.back().get());
    }
  }

  const Shards& all() const { return all_; }
  Shard& operator[](size_t index) { return *all_[index]; }
  const ManualClock& clock() const { return clock_; }

  /// Runs whatever is due, until nothing is.
  void run_due() {
    bool worked = true;
    while (worked) {
      worked = false;
      for (auto& shard : owned_) {
        while (shard->run_one()) worked = true;
      }
    }
  }
  /// Lets time pass, timer by timer.
  void advance(Duration by) {
    Instant end = clock_.now() + by;
    run_due();
    for (auto next = next_timer(); next && *next <= end; next = next_timer()) {
      clock_.move_to(std::max(*next, clock_.now()));
      run_due();
    }
    clock_.move_to(end);
    run_due();
  }

  /// Starts `task` on a shard and runs what is due.
  template <class T>
  Started<T> start(Task<T> task, size_t shard = 0) {
    Started<T> started;
    owned_[shard]->post([task = std::make_unique<Task<T>>(std::move(task)), value = started.value_]() mutable {
      spawn(keep(std::move(*task), value));
    });
    run_due();
    return started;
  }
  /// The same for a task that ends without time passing; yields its value.
  template <class T>
  T run(Task<T> task, size_t shard = 0) {
    Started<T> started = start(std::move(task), shard);
    return std::move(started.value());
  }
  /// Runs a plain function on a shard, and then whatever is due.
  template <class F>
  auto call(F function, size_t shard = 0) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      owned_[shard]->run(function);
      run_due();
    } else {
      auto value = owned_[shard]->run(function);
      run_due();
      return value;
    }
  }

 private:
  template <class T>
  static Task<void> keep(Task<T> task, std::shared_ptr<std::optional<T>> into) {
    T value = co_await task;
    into->emplace(std::move(value));
  }
  std::optional<Instant> next_timer() const {
    std::optional<Instant> next;
    for (const auto& shard : owned_) {
      auto candidate = shard->next_timer();
      if (candidate && (!next || *candidate < *next)) next = candidate;
    }
    return next;
  }

  ManualClock clock_;
  std::vector<std::unique_ptr<ManualShard>> owned_;
  Shards all_;
};

}  // namespace gregor::testing
