#pragma once

#include <atomic>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/metrics/metric_source.h"
#include "broker/net/connection.h"
#include "broker/net/connection_quotas.h"
#include "broker/net/listener_gate.h"

namespace gregor {

/// An address to listen on.
struct ListenAddress {
  std::string listener_name;
  std::string host;  ///< empty: all addresses
  uint16_t port = 0;
};

/// What may change while the server runs.
struct ServerLimits {
  ConnectionQuotaLimits quotas{};
  ConnectionLimits connection{};
  Duration max_idle = std::chrono::minutes(10);  ///< negative: for ever
};

struct ServerConfig {
  ListenOptions listen{};
  ServerLimits limits{};
};

class Server;

/// A connection's place among those that are counted; given back when it goes out of scope, on any thread.
class ConnectionSlot {
 public:
  ConnectionSlot(Server& server, std::string listener, std::string address)
      : server_(&server), listener_(std::move(listener)), address_(std::move(address)) {}
  ConnectionSlot(ConnectionSlot&& other) noexcept;
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot();

  const std::string& listener() const { return listener_; }
  bool is_evicted() const { return is_evicted_; }
  /// The connection was told to go, to make room.
  void mark_evicted() { is_evicted_ = true; }

 private:
  Server* server_;
  std::string listener_;
  std::string address_;
  bool is_evicted_ = false;
};

/// The listeners and all accepted connections, within their limits. Connections are dealt out to the shards in
/// turn; each lives on one. Where there may be no more, listeners wait; whoever has too many is refused; and what a
/// protected listener takes beyond the limit costs the least recently used connection of another.
///
/// Called on shard 0.
class Server final : public MetricSource {
 public:
  Server(Network& network, const Shards& shards, FrameHandler& handler, MemoryBudget& budget, ServerConfig config);

  /// Starts accepting. Error: the address can't be bound.
  Result<uint16_t> listen(ListenAddress address);
  bool is_listening(const std::string& listener_name) const;
  /// Closes a listener and ends its connections, without waiting until they have finished what they were doing.
  Task<void> close_listener(std::string listener_name);
  /// Changes the limits, also for the connections that there are.
  Task<void> set_limits(ServerLimits limits);
  const ServerLimits& limits() const { return limits_; }
  /// Ends every connection and waits until the last has finished what it was doing.
  Task<void> stop();

  Task<MetricWriter> collect() override;

 private:
  friend class ConnectionSlot;

  struct Served {
    std::unique_ptr<Connection> connection;
    ConnectionSlot slot;
    bool is_expired = false;  ///< it was told to go, since it was idle
  };
  struct ConnectionCounts {
    uint64_t created = 0;
    uint64_t closed = 0;
  };
  struct Local {
    std::unordered_map<Connection*, Served> connections;
    std::map<std::string, ConnectionCounts> counts;  ///< by listener
    ConnectionLimits limits;
    Duration max_idle{};
    TimerId idle_sweep = 0;
    uint64_t expired = 0;  ///< connections that were idle for too long
    bool stopping = false;
  };
  enum class Refusal { too_many_of_address, too_fast_of_address, made_room };

  Shard& home() const { return *shards_[0]; }
  Shard& next_shard();
  Admission admit(const std::string& listener, const std::string& address);
  Admission refuse(const std::string& listener, const std::string& address,
                   const ConnectionQuotas::Decision& decision);
  void hold(std::unique_ptr<Socket> socket, Duration delay);
  void count_refusal(Refusal why, const std::string& listener, const std::string& peer);
  void release(const std::string& listener, const std::string& address, bool was_evicted);
  /// Lets the listeners wait that have to, and the others go on.
  void update_listeners();
  /// Ends connections until there are no more than there may be.
  void make_room();
  Task<void> evict();
  Task<bool> evict_one();

  // On a connection's shard.
  void accepted(ConnectionSlot slot, std::unique_ptr<Socket> socket);
  Task<void> serve(Connection& connection);
  Served* least_recently_used(const std::string& protected_listener);
  void take_limits(const ServerLimits& limits);
  void shut_down_of(const std::string& listener);
  void schedule_sweep();
  void sweep_idle();
  void shut_down_all();

  Network& network_;
  const Shards& shards_;
  FrameHandler& handler_;
  MemoryBudget& budget_;
  const ListenOptions listen_options_;
  ServerLimits limits_;
  ConnectionQuotas quotas_;
  std::vector<std::unique_ptr<ListenerGate>> listeners_;
  size_t next_ = 0;
  size_t evicting_ = 0;       ///< connections that were told to go and have not ended
  bool is_evicting_ = false;  ///< evict is under way
  /// Some have to go, and one that comes to its shard may be the one: it was not found on the way there.
  std::atomic<bool> lacks_evictable_{false};
  size_t arrivals_ = 0;  ///< of connections, told of while one is lacking
  bool is_stopping_ = false;
  std::map<TimerId, std::unique_ptr<Socket>> held_;
  std::map<std::pair<std::string, Refusal>, uint64_t> refusals_;
  Instant last_told_{};
  uint64_t untold_ = 0;
  PerShard<Local> local_;
};

}  // namespace gregor
