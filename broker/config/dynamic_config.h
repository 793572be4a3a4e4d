#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/dynamic_rules.h"
#include "broker/config/live_config.h"
#include "broker/config/option.h"
#include "runtime/async_mutex.h"
#include "runtime/result.h"

namespace gregor {

/// The options a part of the broker acts on: options_of(options::max_connections, options::max_connections_per_ip).
template <class... T>
std::vector<size_t> options_of(BrokerOption<T>... options) {
  return {options.index...};
}

/// The options that change while the broker runs, and the parts of the broker that must hear of it.
///
/// A change is taken as a whole or not at all: the options of a level are replaced, the outcome is checked, given
/// to every shard (LiveConfig), and then the parts that act on what changed are called, one after another. On shard
/// 0.
class DynamicConfig {
 public:
  /// What to do when one of some options has another value; `before` is what counted until now.
  using Reaction = std::function<Task<void>(const BrokerConfig& before, const BrokerConfig& now)>;
  /// The same for what is done at once.
  using Action = std::function<void(const BrokerConfig& now)>;
  /// May refuse what is allowed by itself. Error: invalid_config.
  using Check = std::function<Result<void>(const BrokerConfig& now, const BrokerConfig& next)>;

  DynamicConfig(BrokerConfig started_with, LiveConfig& live);

  /// Registers a part of the broker. `options` counts for one listener, too: listener.name.<listener>.<option>. To
  /// be called before anything is set.
  void on_change(std::vector<size_t> options, Action action);
  void on_change_await(std::vector<size_t> options, Reaction reaction);
  void add_check(Check check) { checks_.push_back(std::move(check)); }

  /// Whether `wanted` may take the place of what is set at `level`. Error: invalid_config, with Kafka's words.
  Result<void> check(DynamicLevel level, const Properties& wanted) const;
  /// Puts `properties` in the place of what is set at `level` and returns when that has taken effect. Error:
  /// invalid_config, and nothing has changed.
  Task<Result<void>> set(DynamicLevel level, Properties properties);
  /// The same at the start, when nothing runs yet that could not take a change.
  Task<Result<void>> set_at_start(DynamicLevel level, Properties properties);

 private:
  struct Part {
    std::vector<size_t> options;
    Reaction reaction;
  };

  Result<BrokerConfig> with(DynamicLevel level, Properties properties) const;
  Result<void> check_running(const BrokerConfig& next) const;
  Task<void> take(BrokerConfig next);

  const BrokerConfig started_with_;
  LiveConfig& live_;
  std::vector<Check> checks_{check_change};
  std::vector<Part> parts_;
  AsyncMutex in_turn_;
};

}  // namespace gregor
