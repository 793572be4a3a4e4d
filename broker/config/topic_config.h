#pragma once

#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/option.h"
#include "broker/config/options.h"
#include "broker/config/properties.h"
#include "runtime/result.h"

namespace gregor {

/// The options of one topic: its own, and the broker's where it has none. Immutable; any thread may read it.
class TopicConfig {
 public:
  /// Error: invalid_config for a value that is not allowed. Unknown keys are passed over: a newer broker may have
  /// written them.
  static Result<TopicConfig> create(const BrokerConfig& broker, const Properties& overrides);
  /// Error: invalid_config for a key that is no topic's option.
  static Result<void> check_names(const Properties& overrides);
  /// Whether a topic may be given `overrides`. Error: invalid_config for an unknown key, a value that is not
  /// allowed, or options that don't go together.
  static Result<void> validate(const BrokerConfig& broker, const Properties& overrides);

  /// The value of one option: config.get(topic_options::segment_bytes).
  template <class T>
  T get(TopicOption<T> option) const {
    return value_as<T>(values_[option.index]);
  }
  const OptionValue& value(size_t index) const { return values_[index]; }
  /// What the topic itself sets, as it was written.
  const Properties& overrides() const { return overrides_; }

  bool is_compacted() const { return has_cleanup_policy("compact"); }
  bool is_deleted_by_age() const { return has_cleanup_policy("delete"); }
  /// How far a record's time may lie in the past or in the future; the deprecated bound counts where the newer ones
  /// are unset (KIP-937).
  int64_t message_timestamp_before_max_ms() const;
  int64_t message_timestamp_after_max_ms() const;

 private:
  TopicConfig() = default;
  bool has_cleanup_policy(const char* policy) const;
  int64_t timestamp_bound_ms(TopicOption<int64_t> option) const;

  Properties overrides_;
  std::vector<OptionValue> values_;  ///< one for each row of the table, in its order
};

}  // namespace gregor
