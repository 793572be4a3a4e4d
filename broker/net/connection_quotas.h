#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>

#include "broker/net/connection_rate.h"

namespace gregor {

inline constexpr int32_t kNoConnectionLimit = std::numeric_limits<int32_t>::max();

struct ListenerQuota {
  int32_t max_connections = kNoConnectionLimit;    ///< listener.name.X.max.connections
  int32_t max_creation_rate = kNoConnectionLimit;  ///< listener.name.X.max.connection.creation.rate, a second
};

/// How many connections there may be, and how fast they may come.
struct ConnectionQuotaLimits {
  int32_t max_connections = kNoConnectionLimit;         ///< max.connections
  int32_t max_connections_per_ip = kNoConnectionLimit;  ///< max.connections.per.ip
  std::map<std::string, int32_t> per_ip_overrides{};    ///< max.connections.per.ip.overrides, by address
  int32_t max_creation_rate = kNoConnectionLimit;       ///< max.connection.creation.rate, a second
  std::map<std::string, ListenerQuota> listeners{};     ///< by name; a listener without one has no limit
  /// connection_creation_rate of /config/ips: the default, and by address.
  int32_t ip_creation_rate = kNoConnectionLimit;
  std::map<std::string, int32_t> ip_creation_rates{};
  /// The inter-broker listener, where there are others: max.connections and its rate don't hold it up. Empty: none.
  std::string protected_listener{};
  RateWindows rate_windows{};
};

/// Kafka's ConnectionQuotas: who may connect, and when. Counts what it was told of and decides; does no I/O, and
/// time comes in as an argument. On shard 0.
class ConnectionQuotas {
 public:
  enum class Verdict { admit, too_many_of_address, too_fast_of_address };
  struct Decision {
    Verdict verdict = Verdict::admit;
    /// How long the refused one is to be kept waiting before it is closed.
    Duration delay{};
  };

  /// Why a listener may accept nothing for now.
  enum class HoldReason { max_connections, creation_rate };
  struct Hold {
    HoldReason reason;
    Instant until;  ///< Instant::max(): until a connection ends
  };

  explicit ConnectionQuotas(ConnectionQuotaLimits limits) : limits_(std::move(limits)) {}

  /// Takes effect at once; a listener that waits because of a rate waits on.
  void set_limits(ConnectionQuotaLimits limits) { limits_ = std::move(limits); }
  const ConnectionQuotaLimits& limits() const { return limits_; }

  /// None when `listener` may accept a connection now.
  std::optional<Hold> hold(const std::string& listener, Instant now) const;
  /// A connection from `address` came; counted when it is admitted.
  Decision decide(const std::string& listener, const std::string& address, Instant now);
  /// A connection that was admitted has ended.
  void release(const std::string& listener, const std::string& address);
  /// `listener` is closed: nothing is remembered of it, once its connections have ended.
  void forget(const std::string& listener);

  /// How many connections of unprotected listeners have to go, since a protected one was let in beyond the limit,
  /// or the limit fell.
  size_t excess() const;
  bool is_protected(const std::string& listener) const {
    return !listener.empty() && listener == limits_.protected_listener;
  }
  size_t total() const { return total_; }
  /// Connections a second, of all listeners but a protected one or of one.
  double accept_rate(Instant now) { return rate_.per_second(now); }
  double accept_rate(const std::string& listener, Instant now);

 private:
  struct ListenerState {
    explicit ListenerState(RateWindows windows) : rate(windows) {}
    size_t connections = 0;
    ConnectionRate rate;
    Instant waits_until{};
    bool is_closed = false;
  };

  ListenerState& state_of(const std::string& listener);
  const ListenerQuota& quota_of(const std::string& listener) const;
  int32_t max_of_address(const std::string& address) const;
  /// Notes a connection in the rates of listener and broker, and lets the listener wait when it came too fast.
  void record_rates(const std::string& listener, Instant now);
  Duration record_address_rate(const std::string& address, Instant now);
  void forget_idle_addresses(Instant now);

  ConnectionQuotaLimits limits_;
  size_t total_ = 0;
  ConnectionRate rate_{limits_.rate_windows};
  std::map<std::string, ListenerState> listeners_;
  std::map<std::string, size_t> addresses_;
  std::map<std::string, ConnectionRate> address_rates_;
};

}  // namespace gregor
