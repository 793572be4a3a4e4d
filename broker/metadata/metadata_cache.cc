#include "broker/metadata/metadata_cache.h"

#include <algorithm>

namespace gregor {

MetadataCache::MetadataCache(const Shards& shards) : shards_(shards), local_(shards.size()) {}

Task<void> MetadataCache::publish(std::shared_ptr<const ClusterImage> image) {
  // The others' first: whoever hears of it here and then turns to another shard finds it there already.
  for (Shard* shard : shards_) {
    if (!shard->is_current()) shard->post([this, image] { install(image); });
  }
  install(image);
  for (Shard* shard : shards_) {
    auto nothing = [] {};
    co_await on(*shard, nothing);
  }
}

void MetadataCache::install(std::shared_ptr<const ClusterImage> image) {
  Local& local = local_.local();
  local.image = std::move(image);
  for (auto& waiter : local.waiters) {
    if (waiter->has_ended || !waiter->holds(*local.image)) continue;
    waiter->held = true;
    end(*waiter);
  }
}

void MetadataCache::end(Waiter& waiter) {
  if (std::exchange(waiter.has_ended, true)) return;
  Shard::current()->cancel(waiter.timer);
  Shard::current()->post([awaiting = waiter.awaiting] { awaiting.resume(); });
}

Task<bool> MetadataCache::wait_until(std::function<bool(const ClusterImage&)> holds, Duration timeout,
                                     std::stop_token gone) {
  if (holds(image())) co_return true;
  if (timeout <= Duration::zero() || gone.stop_requested()) co_return false;
  struct Awaiter {
    Local* local;
    std::shared_ptr<Waiter> waiter;
    Duration timeout;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      waiter->awaiting = awaiting;
      waiter->timer = Shard::current()->call_after(timeout, [waiting = waiter] { end(*waiting); });
      local->waiters.push_back(waiter);
    }
    void await_resume() const { std::erase(local->waiters, waiter); }
  };
  auto waiter = std::make_shared<Waiter>();
  waiter->holds = std::move(holds);
  Awaiter waiting{&local_.local(), waiter, timeout};
  // Reaches the shard after the wait has begun, also when it comes at once.
  std::stop_callback on_gone(gone, [home = Shard::current(), waiter] { home->post([waiter] { end(*waiter); }); });
  co_await waiting;
  co_return waiter->held;
}

}  // namespace gregor
