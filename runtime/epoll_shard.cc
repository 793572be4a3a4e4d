#include "runtime/epoll_shard.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace gregor {
namespace {

constexpr int kMaxEvents = 256;
constexpr int kMaxWaitMs = 60'000;

}  // namespace

EpollShard::EpollShard(size_t index, std::string name, const Clock& clock)
    : Shard(index), name_(std::move(name)), clock_(clock), idle_(clock.now()) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ASSERT(epoll_ >= 0 && wake_ >= 0);
  epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
  ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

EpollShard::~EpollShard() {
  stop();
  ::close(wake_);
  ::close(epoll_);
}

void EpollShard::start() {
  thread_ = std::thread([this] { loop(); });
}

void EpollShard::stop() {
  if (!thread_.joinable()) return;
  post([this] { stopping_ = true; });
  thread_.join();
}

void EpollShard::post(UniqueFunction<void()> work) {
  if (is_current()) {
    ready_.push_back(std::move(work));
    return;
  }
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  // The loop raises asleep_ before it looks at posted_ for the last time, so one of the two always sees the other.
  if (asleep_.exchange(false)) {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(wake_, &one, sizeof one);
  }
}

TimerId EpollShard::call_at(Instant deadline, UniqueFunction<void()> work) {
  ASSERT(is_current());
  TimerId id = ++last_timer_;
  timers_.emplace(TimerKey{deadline, id}, std::move(work));
  deadlines_.emplace(id, deadline);
  return id;
}

void EpollShard::cancel(TimerId timer) {
  auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  timers_.erase(TimerKey{found->second, timer});
  deadlines_.erase(found);
}

void EpollShard::watch(int descriptor, IoHandler& handler) {
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = &handler}};
  ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void EpollShard::unwatch(int descriptor) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

void EpollShard::loop() {
  set_current(this);
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  while (!stopping_) {
    run_posted();
    run_timers();
    wait_for_io();
  }
  set_current(nullptr);
}

void EpollShard::run_posted() {
  std::vector<UniqueFunction<void()>> work;
  {
    std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) item();
  // What these post in turn waits for the next turn of the loop, so that sockets are not starved.
  work.clear();
  work.swap(ready_);
  for (auto& item : work) item();
}

void EpollShard::run_timers() {
  if (timers_.empty()) return;
  Instant now = clock_.now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    deadlines_.erase(node.key().second);
    node.mapped()();
  }
}

int EpollShard::wait_ms() const {
  if (!ready_.empty() || stopping_) return 0;
  if (timers_.empty()) return kMaxWaitMs;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - clock_.now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, kMaxWaitMs));
}

int EpollShard::wait_for_events(std::span<epoll_event> events, int timeout_ms) {
  auto wait = [&] { return ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms); };
  if (timeout_ms == 0) return wait();
  Instant begin = clock_.now();
  int count = wait();
  idle_.waited(begin, clock_.now());
  return count;
}

void EpollShard::wait_for_io() {
  int timeout_ms = wait_ms();
  if (timeout_ms > 0) {
    asleep_ = true;
    std::lock_guard lock(mutex_);
    if (!posted_.empty()) timeout_ms = 0;
  }
  epoll_event events[kMaxEvents];
  int count = wait_for_events(events, timeout_ms);
  asleep_ = false;
  for (int i = 0; i < count; ++i) {
    // The event of wake_ has done its work by coming. Edge-triggered, it need not be read to come again.
    if (events[i].data.ptr != nullptr) static_cast<IoHandler*>(events[i].data.ptr)->on_io(events[i].events);
  }
}

}  // namespace gregor
