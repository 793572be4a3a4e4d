#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>

#include "runtime/idle_meter.h"
#include "runtime/shard.h"

struct epoll_event;

namespace gregor {

/// What a shard tells the owner of a file descriptor that it watches.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  /// The descriptor became ready; `events` are epoll's bits.
  virtual void on_io(uint32_t events) = 0;
};

/// A shard on a thread of its own: an epoll loop, a queue of posted work and timers.
///
/// Descriptors are watched edge-triggered and once for all, so that a connection costs no epoll_ctl per request.
/// (Poco's PollSet copies its map at every turn, which shows with thousands of connections; the sockets are Poco's,
/// only the waiting is done here.)
class EpollShard final : public Shard {
 public:
  EpollShard(size_t index, std::string name, const Clock& clock);
  ~EpollShard() override;

  /// Starts the thread. Work posted earlier runs then.
  void start();
  /// Lets what is posted now run, then ends the thread and waits for it.
  void stop();

  void post(UniqueFunction<void()> work) override;
  TimerId call_at(Instant deadline, UniqueFunction<void()> work) override;
  void cancel(TimerId timer) override;
  const Clock& clock() const override { return clock_; }
  double idle_ratio() override { return idle_.ratio(clock_.now()); }

  /// Watches `descriptor` for everything, edge-triggered. On this shard only, as is unwatch.
  void watch(int descriptor, IoHandler& handler);
  void unwatch(int descriptor);

 private:
  using TimerKey = std::pair<Instant, TimerId>;

  void loop();
  void run_posted();
  void run_timers();
  int wait_ms() const;
  void wait_for_io();
  int wait_for_events(std::span<epoll_event> events, int timeout_ms);

  const std::string name_;
  const Clock& clock_;
  int epoll_ = -1;
  int wake_ = -1;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<UniqueFunction<void()>> posted_;  // guarded by mutex_; from other threads
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};

  // The rest belongs to the shard's thread.
  std::vector<UniqueFunction<void()>> ready_;  // posted by the shard to itself
  std::map<TimerKey, UniqueFunction<void()>> timers_;
  std::unordered_map<TimerId, Instant> deadlines_;
  TimerId last_timer_ = 0;
  IdleMeter idle_;
};

}  // namespace gregor
