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
  std::erase_if(local.waiters, [&](Waiter* waiter) {
    if (!waiter->holds(*local.image)) return false;
    waiter->held = true;
    Shard::current()->cancel(waiter->timer);
    Shard::current()->post([awaiting = waiter->awaiting] { awaiting.resume(); });
    return true;
  });
}

Task<bool> MetadataCache::wait_until(std::function<bool(const ClusterImage&)> holds, Duration timeout) {
  if (holds(image())) co_return true;
  if (timeout <= Duration::zero()) co_return false;
  struct Awaiter {
    Local& local;
    Waiter& waiter;
    Duration timeout;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      waiter.awaiting = awaiting;
      local.waiters.push_back(&waiter);
      waiter.timer = Shard::current()->call_after(timeout, [this] {
        std::erase(local.waiters, &waiter);
        waiter.awaiting.resume();
      });
    }
    void await_resume() const {}
  };
  Waiter waiter{std::move(holds), {}, 0, false};
  Awaiter waiting{local_.local(), waiter, timeout};
  co_await waiting;
  co_return waiter.held;
}

}  // namespace gregor
