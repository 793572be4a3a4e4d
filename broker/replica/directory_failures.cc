#include "broker/replica/directory_failures.h"

#include <algorithm>

#include "runtime/logging.h"
#include "zk-schema/notifications.h"
#include "zk-schema/paths.h"

namespace gregor {

void DirectoryFailures::watch(UniqueFunction<void()> on_last) {
  on_last_ = std::move(on_last);
  Shard& home = *Shard::current();
  for (LogDirectory* directory : directories_) {
    directory->health().on_offline(
        [this, &home, directory] { home.post([this, directory] { spawn(handle(*directory)); }); });
  }
}

Task<void> DirectoryFailures::handle(const LogDirectory& directory) {
  size_t count = co_await partitions_.take_offline(directory);
  log::warn("partitions of an offline log directory answer with a storage error path={} partitions={}",
            directory.path(), count);
  bool is_last = std::all_of(directories_.begin(), directories_.end(),
                             [](LogDirectory* other) { return other->health().is_offline(); });
  // Before it is registered the controller asks for every partition anyway.
  bool is_registered = control_.broker_epoch().value != -1;
  if (is_registered) co_await notify_controller();
  if (is_last && on_last_) on_last_();
}

Task<void> DirectoryFailures::notify_controller() {
  zk::LogDirEvent event;
  event.broker_id = self_.value;
  Result<ZkCreated> told =
      co_await zookeeper_.create(zk::paths::kLogDirEventPrefix, event.encode(), CreateMode::persistent_sequential);
  if (!told)
    log::warn("could not tell the controller of an offline log directory reason=\"{}\"", told.error().message);
}

}  // namespace gregor
