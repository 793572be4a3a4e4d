#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "broker/metadata/cluster_image.h"
#include "runtime/shard.h"

namespace gregor {

/// This broker's picture of the cluster, at hand on every shard. A new one is made on shard 0 and then given to
/// all; each shard sees the pictures in order, though not at the same moment.
class MetadataCache {
 public:
  explicit MetadataCache(const Shards& shards);

  /// The picture on this shard. Never null; valid until the calling code suspends.
  const ClusterImage& image() const { return *local_.local().image; }
  /// The same, kept alive by the caller.
  std::shared_ptr<const ClusterImage> snapshot() const { return local_.local().image; }

  /// Makes `image` the picture on every shard and returns once all have it. On shard 0, one call at a time.
  Task<void> publish(std::shared_ptr<const ClusterImage> image);

  /// Waits on this shard until `holds` is true of its picture, at most for `timeout` and until `gone` is stopped,
  /// which any thread may do; yields whether it is.
  Task<bool> wait_until(std::function<bool(const ClusterImage&)> holds, Duration timeout, std::stop_token gone);

 private:
  struct Waiter {
    std::function<bool(const ClusterImage&)> holds;
    std::coroutine_handle<> awaiting;
    TimerId timer = 0;
    bool held = false;
    bool has_ended = false;
  };
  struct Local {
    std::shared_ptr<const ClusterImage> image = std::make_shared<ClusterImage>();
    std::vector<std::shared_ptr<Waiter>> waiters;
  };

  void install(std::shared_ptr<const ClusterImage> image);
  /// Lets the waiter go on. On its shard.
  static void end(Waiter& waiter);

  const Shards& shards_;
  PerShard<Local> local_;
};

}  // namespace gregor
