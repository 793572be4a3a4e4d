#include "broker/coordination/change_notifications.h"

#include "runtime/logging.h"
#include "runtime/shard.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

constexpr int64_t kLifeMs = 15 * 60 * 1000;
constexpr Duration kRetryDelay = std::chrono::seconds(1);
constexpr Duration kStopPoll = std::chrono::milliseconds(5);

bool is_of_session(const Error& error) { return error.is(ZkCode::session_expired) || error.is(ZkCode::closed); }

}  // namespace

ChangeNotifications::ChangeNotifications(ZooKeeper& zookeeper, const Clock& clock, std::string folder,
                                         std::string prefix, Handler handler)
    : zookeeper_(zookeeper),
      clock_(clock),
      folder_(std::move(folder)),
      prefix_(std::move(prefix)),
      handler_(std::move(handler)) {}

void ChangeNotifications::follow() {
  must_look_ = true;
  if (!is_running_ && !is_stopping_) spawn(run());
}

void ChangeNotifications::on_watch(const WatchEvent& event) {
  if (event.path == folder_) follow();
}

Task<void> ChangeNotifications::stop() {
  is_stopping_ = true;
  while (is_running_) co_await sleep_for(kStopPoll);
}

Task<void> ChangeNotifications::run() {
  is_running_ = true;
  while (must_look_ && !is_stopping_) {
    must_look_ = false;
    Result<void> looked = co_await look();
    // Without a session there are no answers; the next one begins with another look.
    if (looked || is_of_session(looked.error()) || is_stopping_) continue;
    log::error("could not read change notifications, will try again path={} reason=\"{}\"", folder_,
               looked.error().message);
    must_look_ = true;
    co_await sleep_for(kRetryDelay);
  }
  is_running_ = false;
}

Task<Result<void>> ChangeNotifications::look() {
  Result<ZkChildren> children = co_await zookeeper_.children(folder_, Watch::yes);
  if (!children) co_return children.error();
  std::map<int64_t, std::string> fresh;
  for (const std::string& name : children->names) {
    auto number = zk::paths::sequence_number(name);
    if (number && name.starts_with(prefix_) && *number > last_taken_) fresh[*number] = name;
  }
  for (const auto& [number, name] : fresh) {
    Result<void> taken = co_await take(number, name);
    if (!taken || is_stopping_) co_return taken;
  }
  if (!fresh.empty()) co_await remove_old();
  co_return Result<void>();
}

Task<Result<void>> ChangeNotifications::take(int64_t number, std::string name) {
  Result<ZkNode> node = co_await zookeeper_.get(folder_ + "/" + name, Watch::no);
  bool is_gone = !node && node.error().is(ZkCode::no_node);
  if (!node && !is_gone) co_return node.error();
  if (node && !is_stopping_) {
    seen_[number] = {name, node->stat.ctime_ms};
    std::string data = std::move(node->data);
    co_await handler_(data);
  }
  last_taken_ = number;
  co_return Result<void>();
}

Task<void> ChangeNotifications::remove_old() {
  int64_t oldest_ms = clock_.wall_ms() - kLifeMs;
  while (!seen_.empty() && seen_.begin()->second.created_ms < oldest_ms) {
    std::string path = folder_ + "/" + seen_.begin()->second.name;
    Result<void> removed = co_await zookeeper_.remove(path, kAnyVersion);
    // Another broker may have been first.
    if (!removed && !removed.error().is(ZkCode::no_node)) co_return;
    seen_.erase(seen_.begin());
  }
}

}  // namespace gregor
