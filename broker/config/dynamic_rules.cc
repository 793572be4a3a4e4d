#include "broker/config/dynamic_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "broker/config/option_name.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

/// Key and trust stores can be changed at run time under a listener's prefix only.
constexpr std::array<std::string_view, 10> kStoresOfListeners = {
    "ssl.keystore.type",       "ssl.keystore.location",
    "ssl.keystore.password",   "ssl.key.password",
    "ssl.truststore.type",     "ssl.truststore.location",
    "ssl.truststore.password", "ssl.keystore.certificate.chain",
    "ssl.keystore.key",        "ssl.truststore.certificates"};
/// What may be set for a listener of every broker at once.
constexpr std::array<std::string_view, 3> kClusterWideOfListeners = {
    "max.connections", "max.connection.creation.rate", "num.network.threads"};

constexpr const char* kSecretNeedsBroker = "Password config can be defined only at broker level";

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool needs_restart(std::string_view key) {
  auto index = broker_option_table().find(key);
  return index && broker_option_table()[*index].update == UpdateMode::read_only;
}

bool needs_listener(std::string_view key) { return contains(kStoresOfListeners, key); }

bool needs_broker(std::string_view key) {
  if (auto option = option_of_listener(key); !option.empty()) return !contains(kClusterWideOfListeners, option);
  auto index = broker_option_table().find(key);
  return index && broker_option_table()[*index].update == UpdateMode::per_broker;
}

Error refusal(std::string message) { return Error{make_error_code(ErrorCode::invalid_config), std::move(message)}; }

/// Error, with `sentence`, when `applies` to a key of `wanted`.
Result<void> refuse_if(const Properties& wanted, bool (*applies)(std::string_view), std::string_view sentence) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : wanted) {
    if (applies(key)) keys.push_back(key);
  }
  if (keys.empty()) return {};
  return refusal(fmt::format("{}: Set({})", sentence, fmt::join(keys, ", ")));
}

Result<void> check_value(const std::string& key, const std::string& value) {
  auto index = find_broker_option(key);
  if (!index) return {};
  OptionInfo option = broker_option_table()[*index];
  option.name = key;
  auto parsed = parse_option(option, value);
  return parsed ? Result<void>() : Result<void>(parsed.error());
}

Result<void> check_thread_count(const BrokerConfig& now, const BrokerConfig& next, BrokerOption<int32_t> option) {
  int32_t before = now.get(option);
  int32_t after = next.get(option);
  if (after == before) return {};
  auto refused = [&](const std::string& why) {
    return refusal(fmt::format("Dynamic thread count update validation failed for {}={}, {}",
                               broker_option_table()[option.index].name, after, why));
  };
  if (after <= 0) return refused("value should be at least 1");
  if (after < before / 2) {
    return refused(fmt::format("value should be at least half the current value {}", before));
  }
  if (after > int64_t{before} * 2) {
    return refused(fmt::format("value should not be greater than double the current value {}", before));
  }
  return {};
}

Result<void> check_cleaner_threads(const BrokerConfig& now, const BrokerConfig& next) {
  int32_t before = now.get(options::log_cleaner_threads);
  int32_t after = next.get(options::log_cleaner_threads);
  if (after == before) return {};
  if (after < 1) return refusal("Log cleaner threads should be at least 1");
  if (after < before / 2) {
    return refusal(
        fmt::format("Log cleaner threads cannot be reduced to less than half the current value {}", before));
  }
  if (after > int64_t{before} * 2) {
    return refusal(
        fmt::format("Log cleaner threads cannot be increased to more than double the current value {}", before));
  }
  return {};
}

/// `local` of what `total` keeps: -2 is all of it, -1 is no bound.
Result<void> check_local_retention(std::string_view name, int64_t local, std::string_view total_name,
                                   int64_t total) {
  if (total < 0 || local == -2) return {};
  std::string text = std::to_string(local);
  if (local == -1) {
    return invalid_value(name, text,
                         fmt::format("Value must not be -1 as {} value is set as {}.", total_name, total));
  }
  if (local <= total) return {};
  return invalid_value(name, text,
                       fmt::format("Value must not be more than {} property value: {}", total_name, total));
}

/// A listener whose limit is 0 lets nobody in who could raise it again. Without a change it stays as it was
/// started.
Result<void> check_limits_of_listener(const BrokerConfig& now, const BrokerConfig& next, std::string_view name) {
  int32_t connections = next.get_for(name, options::max_connections);
  int32_t rate = next.get_for(name, options::max_connection_creation_rate);
  if (connections == now.get_for(name, options::max_connections) &&
      rate == now.get_for(name, options::max_connection_creation_rate)) {
    return {};
  }
  if (connections <= 0) return refusal(fmt::format("Invalid max.connections {}", connections));
  if (rate <= 0) return refusal(fmt::format("Invalid max.connection.creation.rate {}", rate));
  return {};
}

/// What is set for one listener and stays as it is as long as the listener lives.
Properties fixed_options_of(const BrokerConfig& config, const std::string& listener_name) {
  Properties fixed;
  for (const auto& [key, value] : config.originals()) {
    std::string_view option = option_of_listener(key);
    if (normalized_listener_name(listener_of(key)) != listener_name || !broker_option_table().find(option))
      continue;
    if (!contains(kStoresOfListeners, option) && !contains(kClusterWideOfListeners, option)) fixed[key] = value;
  }
  return fixed;
}

Result<void> check_listener(const BrokerConfig& now, const BrokerConfig& next, const Endpoint& endpoint) {
  for (const Endpoint& before : now.listeners()) {
    const std::string& name = endpoint.listener_name;
    if (before.listener_name != name) continue;
    if (fixed_options_of(now, name) != fixed_options_of(next, name)) {
      return refusal(fmt::format(
          "Configs cannot be updated dynamically for existing listener {}, restart broker or create a new "
          "listener for update",
          name));
    }
    if (before.security_protocol == endpoint.security_protocol) continue;
    return refusal("Security protocol cannot be updated for existing listener " + endpoint.listener_name);
  }
  return {};
}

}  // namespace

Result<void> check_dynamic_options(const Properties& wanted, DynamicLevel level) {
  auto checked = refuse_if(wanted, needs_restart, "Cannot update these configs dynamically");
  if (!checked) return checked;
  checked =
      refuse_if(wanted, needs_listener,
                "These security configs can be dynamically updated only per-listener using the listener prefix");
  if (!checked) return checked;
  for (const auto& [key, value] : wanted) {
    if (checked = check_value(key, value); !checked) return checked;
  }
  if (level == DynamicLevel::broker) return {};
  checked = refuse_if(wanted, needs_broker,
                      "Cannot update these configs at default cluster level, broker id must be specified");
  if (!checked) return checked;
  bool has_secret = std::any_of(wanted.begin(), wanted.end(),
                                [](const auto& property) { return is_dynamic_password(property.first); });
  return has_secret ? Result<void>(refusal(kSecretNeedsBroker)) : Result<void>();
}

Properties usable_dynamic_options(const Properties& stored, DynamicLevel level) {
  Properties usable;
  for (const auto& [key, value] : stored) {
    // Encrypted, the value of a password says nothing yet.
    auto checked = check_dynamic_options({{key, value}}, level);
    if (checked) {
      usable[key] = value;
    } else {
      log::error("a dynamic option in the coordination service is ignored option={} reason=\"{}\"", key,
                 checked.error().message);
    }
  }
  return usable;
}

Result<void> check_change(const BrokerConfig& now, const BrokerConfig& next) {
  for (auto option : {options::num_io_threads, options::num_network_threads, options::num_replica_fetchers,
                      options::num_recovery_threads_per_data_dir, options::background_threads}) {
    if (auto checked = check_thread_count(now, next, option); !checked) return checked;
  }
  if (auto checked = check_cleaner_threads(now, next); !checked) return checked;
  auto checked = check_local_retention("log.local.retention.ms", next.get(options::log_local_retention_ms),
                                       "log.retention.ms", next.effective(options::log_retention_ms));
  if (!checked) return checked;
  checked = check_local_retention("log.local.retention.bytes", next.get(options::log_local_retention_bytes),
                                  "log.retention.bytes", next.get(options::log_retention_bytes));
  if (!checked) return checked;
  for (const Endpoint& endpoint : now.listeners()) {
    if (checked = check_limits_of_listener(now, next, endpoint.listener_name); !checked) return checked;
  }
  // As in Kafka only then: a listener's options alone are stored, and count from the next start on.
  if (now.listeners() == next.listeners()) return {};
  for (const Endpoint& endpoint : next.listeners()) {
    if (checked = check_listener(now, next, endpoint); !checked) return checked;
  }
  return {};
}

}  // namespace gregor
