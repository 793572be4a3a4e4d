#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/config/host_name.h"
#include "broker/config/listeners.h"
#include "broker/config/option.h"
#include "broker/config/properties.h"
#include "runtime/result.h"

namespace gregor {

/// What ZooKeeper holds of the broker's options, read while it runs; passwords in clear.
struct DynamicProperties {
  Properties broker;   ///< of this broker, /config/brokers/<id>
  Properties cluster;  ///< of every broker, /config/brokers/<default>
};

/// The broker's options at one moment: every value read and checked once. Immutable; any thread may read it.
///
/// A broker's own dynamic value counts before one for the whole cluster, that before what the broker was started
/// with, and that before the default.
class BrokerConfig {
 public:
  /// Reads `properties`, of which `overrides` replaces single ones. `host_name` is asked for the name to advertise.
  /// Error: invalid_config for a value that is not allowed, or that doesn't go with another one.
  static Result<BrokerConfig> load(const Properties& properties, const Properties& overrides = {},
                                   std::string (*host_name)() = canonical_host_name);
  /// What this broker was started with, with `dynamic` over it. Error: as of load.
  Result<BrokerConfig> with(DynamicProperties dynamic) const;

  /// The value of one option: config.get(options::message_max_bytes).
  template <class T>
  T get(BrokerOption<T> option) const {
    return value_as<T>(values_[option.index]);
  }
  /// The value that counts where several options set one thing: effective(options::log_roll_ms) looks at
  /// log.roll.hours too, and is never null.
  template <class T>
  typename NotNull<T>::Type effective(BrokerOption<T> option) const {
    return value_as<typename NotNull<T>::Type>(effective_value(option.index));
  }
  /// The same by index, of the option's type; null only where nothing follows it.
  OptionValue effective_value(size_t index) const;
  /// The option whose value that is: log.roll.hours, where log.roll.ms is not set.
  size_t effective_source(size_t index) const;
  const OptionValue& value(size_t index) const { return values_[index]; }

  /// The value of an option as `listener.name.<listener>.<option>` sets it for one listener; without that, as it is
  /// for all.
  template <class T>
  T get_for(std::string_view listener_name, BrokerOption<T> option) const {
    return value_as<T>(value_for(listener_name, option.index));
  }

  /// What counts of all that was set, as it was written; unknown keys too.
  const Properties& originals() const { return originals_; }
  /// What the broker was started with, as it was written.
  const Properties& static_originals() const { return static_originals_; }
  const DynamicProperties& dynamic() const { return dynamic_; }
  /// Sentences for the log: unknown keys, options that are set but have no effect yet, and what is not done with
  /// records although the options ask for it.
  const std::vector<std::string>& warnings() const { return warnings_; }

  const std::vector<Endpoint>& listeners() const { return listeners_.listening; }
  /// A port 0 is that of the listener of this name, once it is known.
  const std::vector<Endpoint>& advertised_listeners() const { return listeners_.advertised; }
  /// The advertised listener that brokers use among themselves.
  const Endpoint& inter_broker_listener() const { return listeners_.inter_broker; }
  std::vector<std::string> log_dirs() const;
  /// max.connections.per.ip.overrides: hosts, addresses or names, and how many connections each may have.
  std::map<std::string, int32_t> connections_per_ip_overrides() const;
  /// gregor.http.listener; none when it is empty.
  std::optional<Endpoint> http_listener() const;

 private:
  BrokerConfig() = default;
  static Result<BrokerConfig> resolved(BrokerConfig config);
  OptionValue value_for(std::string_view listener_name, size_t index) const;
  Result<void> read_values();
  Result<void> check_listener_values() const;
  void warn_about_originals();
  void warn_about_records();

  Properties static_originals_;
  DynamicProperties dynamic_;
  std::string host_name_;
  Properties originals_;
  std::vector<OptionValue> values_;  ///< one for each row of the table, in its order
  std::vector<std::string> warnings_;
  Listeners listeners_;
};

}  // namespace gregor
