#pragma once

#include <string>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/config/host_name.h"
#include "broker/config/listeners.h"
#include "broker/config/option.h"
#include "broker/config/properties.h"
#include "runtime/result.h"

namespace gregor {

/// The broker's options as it was started with: every value read and checked once. Immutable; any thread may read
/// it.
class BrokerConfig {
 public:
  /// Reads `properties`, of which `overrides` replaces single ones. `host_name` is asked for the name to advertise.
  /// Error: invalid_config for a value that is not allowed, or that doesn't go with another one.
  static Result<BrokerConfig> load(const Properties& properties, const Properties& overrides = {},
                                   std::string (*host_name)() = canonical_host_name);

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
  const OptionValue& value(size_t index) const { return values_[index]; }

  /// What was set, as it was written; unknown keys too.
  const Properties& originals() const { return originals_; }
  /// Sentences for the log: unknown keys, and options that are set but have no effect yet.
  const std::vector<std::string>& warnings() const { return warnings_; }

  const std::vector<Endpoint>& listeners() const { return listeners_.listening; }
  /// A port 0 is that of the listener of this name, once it is known.
  const std::vector<Endpoint>& advertised_listeners() const { return listeners_.advertised; }
  /// The advertised listener that brokers use among themselves.
  const Endpoint& inter_broker_listener() const { return listeners_.inter_broker; }
  std::vector<std::string> log_dirs() const;

 private:
  explicit BrokerConfig(Properties originals);
  Result<void> read_values();
  void warn_about_originals();

  Properties originals_;
  std::vector<OptionValue> values_;  ///< one for each row of the table, in its order
  std::vector<std::string> warnings_;
  Listeners listeners_;
};

}  // namespace gregor
