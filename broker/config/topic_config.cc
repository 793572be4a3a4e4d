#include "broker/config/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/config/option_value.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

/// What the broker says about a topic's option. A time below what a topic may have counts as the lowest allowed, as
/// any negative log.retention is -1, forever.
OptionValue value_from_broker(const BrokerConfig& broker, const OptionInfo& option) {
  if (option.source.option < 0) return default_value(option);
  OptionValue value = broker.effective_value(static_cast<size_t>(option.source.option));
  auto* number = std::get_if<int64_t>(&value);
  if (number != nullptr && static_cast<double>(*number) < option.allowed.least) {
    return static_cast<int64_t>(option.allowed.least);
  }
  return value;
}

Result<void> check_compaction_lag(const TopicConfig& config) {
  int64_t least_ms = config.get(topic_options::min_compaction_lag_ms);
  int64_t most_ms = config.get(topic_options::max_compaction_lag_ms);
  if (least_ms <= most_ms) return {};
  return invalid_value("min.compaction.lag.ms", std::to_string(least_ms),
                       fmt::format("must be at most max.compaction.lag.ms, which is {}", most_ms));
}

/// `local` is what of `total` stays on local disks: -2 is all of it, and no bound goes into a bound.
Result<void> check_local_retention(const char* name, int64_t local, const char* total_name, int64_t total) {
  bool is_unbounded = total == -1 || local == -2;
  if (is_unbounded || (local != -1 && local <= total)) return {};
  return invalid_value(name, std::to_string(local),
                       fmt::format("must be at most {}, which is {}", total_name, total));
}

Result<void> check_remote_storage(const BrokerConfig& broker, const TopicConfig& config) {
  if (!config.get(topic_options::remote_storage_enable)) return {};
  if (!broker.get(options::remote_log_storage_system_enable)) {
    return invalid_value("remote.storage.enable", "true", "tiered storage is disabled in the broker");
  }
  if (config.is_compacted()) {
    return invalid_value("remote.storage.enable", "true", "a compacted topic can't have remote storage");
  }
  auto size = check_local_retention("local.retention.bytes", config.get(topic_options::local_retention_bytes),
                                    "retention.bytes", config.get(topic_options::retention_bytes));
  if (!size) return size;
  return check_local_retention("local.retention.ms", config.get(topic_options::local_retention_ms), "retention.ms",
                               config.get(topic_options::retention_ms));
}

Result<void> check_zookeeper_mode(const TopicConfig& config) {
  constexpr const char* kProblem = "must be false in a cluster on ZooKeeper";
  if (config.get(topic_options::remote_log_copy_disable)) {
    return invalid_value("remote.log.copy.disable", "true", kProblem);
  }
  if (config.get(topic_options::remote_log_delete_on_disable)) {
    return invalid_value("remote.log.delete.on.disable", "true", kProblem);
  }
  return {};
}

}  // namespace

Result<TopicConfig> TopicConfig::create(const BrokerConfig& broker, const Properties& overrides) {
  TopicConfig config;
  config.overrides_ = overrides;
  for (const OptionInfo& option : topic_option_table()) {
    auto own = overrides.find(option.name);
    if (own == overrides.end()) {
      config.values_.push_back(value_from_broker(broker, option));
      continue;
    }
    auto value = parse_option(option, own->second);
    if (!value) return value.error();
    config.values_.push_back(std::move(*value));
  }
  return config;
}

Result<void> TopicConfig::check_names(const Properties& overrides) {
  for (const auto& [key, value] : overrides) {
    if (topic_option_table().find(key)) continue;
    return Error{make_error_code(ErrorCode::invalid_config), "Unknown topic config name: " + key};
  }
  return {};
}

Result<void> TopicConfig::validate(const BrokerConfig& broker, const Properties& overrides) {
  if (auto checked = check_names(overrides); !checked) return checked;
  auto config = create(broker, overrides);
  if (!config) return config.error();
  if (auto checked = check_compaction_lag(*config); !checked) return checked;
  if (auto checked = check_zookeeper_mode(*config); !checked) return checked;
  return check_remote_storage(broker, *config);
}

bool TopicConfig::has_cleanup_policy(const char* policy) const {
  auto policies = get(topic_options::cleanup_policy);
  return std::find(policies.begin(), policies.end(), policy) != policies.end();
}

int64_t TopicConfig::timestamp_bound_ms(TopicOption<int64_t> option) const {
  bool is_set = value(option.index) != default_value(topic_option_table()[option.index]);
  return get(is_set ? option : topic_options::message_timestamp_difference_max_ms);
}

int64_t TopicConfig::message_timestamp_before_max_ms() const {
  return timestamp_bound_ms(topic_options::message_timestamp_before_max_ms);
}

int64_t TopicConfig::message_timestamp_after_max_ms() const {
  return timestamp_bound_ms(topic_options::message_timestamp_after_max_ms);
}

}  // namespace gregor
