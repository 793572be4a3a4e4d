#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace gregor::testing {

/// A real Apache ZooKeeper server on a loopback port of its own, with its data in a directory that it removes.
class ZooKeeperServer {
 public:
  /// Starts the server and waits until it serves. `tick_ms` bounds session timeouts: 2 to 20 ticks.
  explicit ZooKeeperServer(int tick_ms = 500);
  ~ZooKeeperServer();
  ZooKeeperServer(const ZooKeeperServer&) = delete;
  ZooKeeperServer& operator=(const ZooKeeperServer&) = delete;

  uint16_t port() const { return port_; }
  /// 127.0.0.1:port, as in zookeeper.connect.
  std::string address() const;

  /// Stops and continues the process, which clients see as a server that hangs.
  void suspend();
  void resume();
  /// Ends the process as kill -9 does; what was acknowledged is on disk.
  void kill();
  /// Starts it again on the same port and data.
  void start();

 private:
  std::string ask(const std::string& four_letters) const;

  std::string directory_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace gregor::testing
