#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "broker/coordination/zookeeper.h"
#include "runtime/clock.h"

namespace gregor {

/// Follows a folder of ZooKeeper into which others put notifications, sequential nodes that say what has changed:
/// /config/changes and its like. Every notification is handed on once, in order; one look stands for any number of
/// events. Those older than 15 minutes are removed when a new one comes, as by every broker.
///
/// On ZooKeeper's shard.
class ChangeNotifications {
 public:
  /// Takes the data of one notification. What it can't make use of it logs, and the next one follows.
  using Handler = std::function<Task<void>(std::string data)>;

  /// `folder` and the `prefix` of the nodes' names in it.
  ChangeNotifications(ZooKeeper& zookeeper, const Clock& clock, std::string folder, std::string prefix,
                      Handler handler);

  /// Begins to follow, or goes on in a new session: hands on what came since, and everything at first.
  void follow();
  void on_watch(const WatchEvent& event);
  /// Hands nothing on any more; returns when the handler has ended.
  Task<void> stop();

 private:
  struct Seen {
    std::string name;
    int64_t created_ms = 0;
  };

  Task<void> run();
  Task<Result<void>> look();
  Task<Result<void>> take(int64_t number, std::string name);
  Task<void> remove_old();

  ZooKeeper& zookeeper_;
  const Clock& clock_;
  const std::string folder_;
  const std::string prefix_;
  const Handler handler_;
  std::map<int64_t, Seen> seen_;  ///< by sequence number
  int64_t last_taken_ = -1;
  bool must_look_ = false;
  bool is_running_ = false;
  bool is_stopping_ = false;
};

}  // namespace gregor
