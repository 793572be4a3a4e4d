#include "runtime/background_pool.h"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace gregor {
namespace {

/// Runs `jobs` that can only end together, which takes as many threads.
void run_together(ThreadPool& pool, ptrdiff_t jobs) {
  auto all = std::make_shared<std::latch>(jobs + 1);
  for (ptrdiff_t i = 0; i < jobs; ++i) pool.submit([all] { all->arrive_and_wait(); });
  all->arrive_and_wait();
}

/// How many threads take part in `jobs`.
size_t threads_of(ThreadPool& pool, ptrdiff_t jobs) {
  struct Seen {
    explicit Seen(ptrdiff_t count) : done(count) {}
    std::mutex mutex;
    std::set<std::thread::id> ids;
    std::latch done;
  };
  auto seen = std::make_shared<Seen>(jobs);
  for (ptrdiff_t i = 0; i < jobs; ++i) {
    pool.submit([seen] {
      {
        std::lock_guard lock(seen->mutex);
        seen->ids.insert(std::this_thread::get_id());
      }
      seen->done.count_down();
    });
  }
  seen->done.wait();
  return seen->ids.size();
}

TEST(ThreadPool, GrowsAndShrinksWhileItRuns) {
  ThreadPool pool(2);
  run_together(pool, 2);
  pool.set_max_threads(5);
  run_together(pool, 5);
  pool.set_max_threads(1);
  // Those that were busy leave once they are free; then one thread does all the work.
  for (int tries = 0; tries < 1000 && threads_of(pool, 50) > 1; ++tries) std::this_thread::yield();
  EXPECT_EQ(threads_of(pool, 200), 1u);
  pool.set_max_threads(3);
  run_together(pool, 3);
}

}  // namespace
}  // namespace gregor
