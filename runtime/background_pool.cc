#include "runtime/background_pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace gregor {

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::set_max_threads(size_t threads) {
  std::lock_guard lock(mutex_);
  max_threads_ = threads;
  changed_.notify_all();
}

void ThreadPool::join_ended() {
  for (std::thread::id id : std::exchange(ended_, {})) {
    auto ended =
        std::find_if(threads_.begin(), threads_.end(), [id](auto& thread) { return thread.get_id() == id; });
    ended->join();  // it has given the mutex back for good
    threads_.erase(ended);
  }
}

void ThreadPool::submit(UniqueFunction<void()> work) {
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  join_ended();
  if (queue_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { work_loop(); });
  } else {
    changed_.notify_one();
  }
}

void ThreadPool::work_loop() {
  ::pthread_setname_np(::pthread_self(), "background");
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    auto are_too_many = [this] { return threads_.size() - ended_.size() > max_threads_; };
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty() || are_too_many(); });
    --idle_;
    if (!stopping_ && are_too_many()) {
      ended_.push_back(std::this_thread::get_id());
      changed_.notify_one();  // what woke this one may have been work
      return;
    }
    if (queue_.empty()) return;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = {};
    lock.lock();
  }
}

}  // namespace gregor
