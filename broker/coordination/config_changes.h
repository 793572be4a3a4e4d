#pragma once

#include <functional>
#include <map>
#include <string>

#include "broker/coordination/change_notifications.h"

namespace gregor {

/// Hears of every change below /config, whoever made it: API, tool or hand, provided that it put a notification
/// into /config/changes. The notification only names what has changed; what it is now is read by who acts on it.
///
/// On ZooKeeper's shard.
class ConfigChanges {
 public:
  /// Acts on a change of the entity `name` as it stands in the path: `orders`, `<default>`, `alice/clients/app`.
  using Handler = std::function<Task<void>(std::string name)>;

  ConfigChanges(ZooKeeper& zookeeper, const Clock& clock);

  /// `type` is topics, brokers, clients, users or ips. Each once, before follow.
  void on_change(std::string type, Handler handler);

  void follow() { notifications_.follow(); }
  void on_watch(const WatchEvent& event) { notifications_.on_watch(event); }
  Task<void> stop() { return notifications_.stop(); }

 private:
  Task<void> take(std::string data);

  std::map<std::string, Handler, std::less<>> handlers_;
  ChangeNotifications notifications_;
};

}  // namespace gregor
