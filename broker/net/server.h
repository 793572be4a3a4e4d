#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "broker/net/connection.h"

namespace gregor {

/// An address to listen on.
struct ListenAddress {
  std::string listener_name;
  std::string host;  ///< empty: all addresses
  uint16_t port = 0;
};

struct ServerConfig {
  int backlog = 50;
  Duration max_idle = std::chrono::minutes(10);  ///< negative: for ever
  ConnectionLimits limits;
};

/// The listeners and all accepted connections. Connections are dealt out to the shards in turn; each lives on one.
///
/// listen and stop are called on shard 0.
class Server {
 public:
  Server(Network& network, const Shards& shards, FrameHandler& handler, MemoryBudget& budget, ServerConfig config);

  /// Starts accepting. Error: the address can't be bound.
  Result<uint16_t> listen(ListenAddress address);
  /// Ends every connection and waits until the last has finished what it was doing.
  Task<void> stop();

 private:
  struct Local {
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
    TimerId idle_sweep = 0;
    bool stopping = false;
  };

  Shard& next_shard();
  void accepted(const std::string& listener_name, std::unique_ptr<Socket> socket);
  Task<void> serve(Connection& connection);
  void sweep_idle();
  Duration sweep_interval() const;
  void shut_down_all();

  Network& network_;
  const Shards& shards_;
  FrameHandler& handler_;
  MemoryBudget& budget_;
  const ServerConfig config_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  size_t next_ = 0;
  PerShard<Local> local_;
};

}  // namespace gregor
