#include "broker/config/broker_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <utility>

#include "broker/config/broker_checks.h"
#include "broker/config/option_name.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

/// Keys that begin so belong to listeners or plug-ins and are not in the table.
constexpr std::array<std::string_view, 4> kForeignPrefixes = {"listener.name.", "rsm.config.", "rlmm.config.",
                                                              "config.providers"};

bool is_foreign(std::string_view key) {
  return std::any_of(kForeignPrefixes.begin(), kForeignPrefixes.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

/// broker.id and node.id are one option under two names.
void copy_id_between_its_names(Properties& properties) {
  auto broker_id = properties.find("broker.id");
  auto node_id = properties.find("node.id");
  if (broker_id == properties.end() && node_id != properties.end()) properties["broker.id"] = node_id->second;
  if (broker_id != properties.end() && node_id == properties.end()) properties["node.id"] = broker_id->second;
}

/// Puts `properties` over `all`, where they also take the place of what sets the same in another unit: after
/// log.roll.ms nothing is to be heard of log.roll.hours.
void put_over(Properties& all, const Properties& properties) {
  OptionTable table = broker_option_table();
  for (const auto& [key, value] : properties) {
    for (auto index = table.find(key); index && table[*index].source.is_synonym;) {
      index = static_cast<size_t>(table[*index].source.option);
      all.erase(std::string(table[*index].name));
    }
    all[key] = value;
  }
}

template <class Int>
Int saturated(int64_t number) {
  return static_cast<Int>(
      std::clamp<int64_t>(number, std::numeric_limits<Int>::min(), std::numeric_limits<Int>::max()));
}

int64_t saturating_product(int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

/// `value` times `factor` as a value of `type`; what is no integer stays as it is.
OptionValue converted(const OptionValue& value, int64_t factor, OptionType type) {
  int64_t number = 0;
  if (auto* int32 = std::get_if<int32_t>(&value))
    number = *int32;
  else if (auto* int64 = std::get_if<int64_t>(&value))
    number = *int64;
  else
    return value;
  number = saturating_product(number, factor);
  if (type == OptionType::int32) return saturated<int32_t>(number);
  return number;
}

}  // namespace

Result<BrokerConfig> BrokerConfig::load(const Properties& properties, const Properties& overrides,
                                        std::string (*host_name)()) {
  BrokerConfig config;
  config.static_originals_ = properties;
  for (const auto& [key, value] : overrides) config.static_originals_[key] = value;
  copy_id_between_its_names(config.static_originals_);
  config.host_name_ = host_name();
  auto loaded = resolved(std::move(config));
  if (loaded) loaded->warn_about_originals();
  return loaded;
}

Result<BrokerConfig> BrokerConfig::with(DynamicProperties dynamic) const {
  BrokerConfig config;
  config.static_originals_ = static_originals_;
  config.host_name_ = host_name_;
  config.dynamic_ = std::move(dynamic);
  return resolved(std::move(config));
}

Result<BrokerConfig> BrokerConfig::resolved(BrokerConfig config) {
  config.originals_ = config.static_originals_;
  put_over(config.originals_, config.dynamic_.cluster);
  put_over(config.originals_, config.dynamic_.broker);
  if (auto read = config.read_values(); !read) return read.error();
  if (auto checked = config.check_listener_values(); !checked) return checked.error();
  auto listeners = resolve_listeners(config, config.host_name_);
  if (!listeners) return listeners.error();
  config.listeners_ = *listeners;
  if (auto checked = check_broker_config(config); !checked) return checked.error();
  config.warn_about_records();
  return config;
}

Result<void> BrokerConfig::read_values() {
  for (const OptionInfo& option : broker_option_table()) {
    auto original = originals_.find(option.name);
    if (original == originals_.end()) {
      values_.push_back(default_value(option));
      continue;
    }
    auto value = parse_option(option, original->second);
    if (!value) return value.error();
    values_.push_back(std::move(*value));
  }
  return {};
}

Result<void> BrokerConfig::check_listener_values() const {
  for (const auto& [key, value] : originals_) {
    if (listener_of(key).empty()) continue;
    auto index = find_broker_option(key);
    if (!index) continue;
    OptionInfo option = broker_option_table()[*index];
    option.name = key;
    if (auto parsed = parse_option(option, value); !parsed) return parsed.error();
  }
  return {};
}

OptionValue BrokerConfig::value_for(std::string_view listener_name, size_t index) const {
  const OptionInfo& option = broker_option_table()[index];
  std::string listener(listener_name);
  std::transform(listener.begin(), listener.end(), listener.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  auto own = originals_.find(fmt::format("listener.name.{}.{}", listener, option.name));
  if (own == originals_.end()) return values_[index];
  return *parse_option(option, own->second);  // checked when it was read
}

/// What somebody may count on although it is not done.
void BrokerConfig::warn_about_records() {
  auto policies = get(options::log_cleanup_policy);
  if (std::find(policies.begin(), policies.end(), "compact") != policies.end()) {
    warnings_.push_back(
        "topics without a cleanup.policy of their own keep every record, compaction is not there yet "
        "log.cleanup.policy=" +
        *to_text(policies));
  }
  if (get(options::remote_log_storage_system_enable)) {
    warnings_.push_back(
        "records stay on local disks only, and what lies in remote storage can't be read: tiered storage is not "
        "there yet remote.log.storage.system.enable=true");
  }
}

void BrokerConfig::warn_about_originals() {
  OptionTable table = broker_option_table();
  std::vector<std::string_view> without_effect;
  for (const auto& [key, value] : originals_) {
    auto index = table.find(key);
    if (!index && !is_foreign(key)) {
      auto near = nearest_broker_option(key);
      warnings_.push_back(fmt::format("unknown option, ignored option={}{}", key,
                                      near ? fmt::format(" did_you_mean={}", *near) : ""));
    }
    if (index && !table[*index].has_effect) without_effect.push_back(key);
  }
  if (without_effect.empty()) return;
  warnings_.push_back(fmt::format("options without effect yet options={}", fmt::join(without_effect, ",")));
}

OptionValue BrokerConfig::effective_value(size_t index) const {
  OptionTable table = broker_option_table();
  OptionType type = table[index].type;
  int64_t factor = 1;
  while (table[index].source.option >= 0 && values_[index] == default_value(table[index])) {
    factor = saturating_product(factor, table[index].source.factor);
    index = static_cast<size_t>(table[index].source.option);
  }
  return converted(values_[index], factor, type);
}

size_t BrokerConfig::effective_source(size_t index) const {
  OptionTable table = broker_option_table();
  while (table[index].source.option >= 0 && values_[index] == default_value(table[index])) {
    index = static_cast<size_t>(table[index].source.option);
  }
  return index;
}

std::map<std::string, int32_t> BrokerConfig::connections_per_ip_overrides() const {
  auto overrides = parse_connections_per_ip(get(options::max_connections_per_ip_overrides));
  ASSERT(overrides.ok());  // checked when the configuration was read
  return *overrides;
}

std::optional<Endpoint> BrokerConfig::http_listener() const {
  std::string address = get(options::gregor_http_listener);
  if (address.empty()) return std::nullopt;
  auto endpoint = parse_http_endpoint("gregor.http.listener", address);
  ASSERT(endpoint.ok());  // checked when the configuration was read
  return *endpoint;
}

std::vector<std::string> BrokerConfig::log_dirs() const { return split_list(effective(options::log_dirs)); }

}  // namespace gregor
