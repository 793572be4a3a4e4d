#include "broker/config/dynamic_config.h"

#include <algorithm>

#include "broker/config/option_name.h"

namespace gregor {
namespace {

using Values = std::map<std::string_view, std::string_view>;

/// What `config` sets of `options` for single listeners.
Values values_of_listeners(const BrokerConfig& config, const std::vector<size_t>& options) {
  Values values;
  for (const auto& [key, value] : config.originals()) {
    auto index = broker_option_table().find(option_of_listener(key));
    if (index && std::find(options.begin(), options.end(), *index) != options.end()) values[key] = value;
  }
  return values;
}

bool differ(const BrokerConfig& before, const BrokerConfig& now, const std::vector<size_t>& options) {
  bool has_other_value = std::any_of(options.begin(), options.end(), [&](size_t index) {
    return before.effective_value(index) != now.effective_value(index);
  });
  return has_other_value || values_of_listeners(before, options) != values_of_listeners(now, options);
}

Task<void> run(const DynamicConfig::Action& action, const BrokerConfig& now) {
  action(now);
  co_return;
}

}  // namespace

DynamicConfig::DynamicConfig(BrokerConfig started_with, LiveConfig& live)
    : started_with_(std::move(started_with)), live_(live) {}

void DynamicConfig::on_change(std::vector<size_t> options, Action action) {
  on_change_await(std::move(options), [action = std::move(action)](const BrokerConfig&, const BrokerConfig& now) {
    return run(action, now);
  });
}

void DynamicConfig::on_change_await(std::vector<size_t> options, Reaction reaction) {
  parts_.push_back({std::move(options), std::move(reaction)});
}

Result<BrokerConfig> DynamicConfig::with(DynamicLevel level, Properties properties) const {
  DynamicProperties dynamic = live_.get().dynamic();
  (level == DynamicLevel::broker ? dynamic.broker : dynamic.cluster) = std::move(properties);
  return started_with_.with(std::move(dynamic));
}

Result<void> DynamicConfig::check_running(const BrokerConfig& next) const {
  for (const Check& check : checks_) {
    if (auto checked = check(live_.get(), next); !checked) return checked;
  }
  return {};
}

Result<void> DynamicConfig::check(DynamicLevel level, const Properties& wanted) const {
  if (auto checked = check_dynamic_options(wanted, level); !checked) return checked;
  auto next = with(level, wanted);
  if (!next) return next.error();
  return check_running(*next);
}

Task<Result<void>> DynamicConfig::set(DynamicLevel level, Properties properties) {
  AsyncMutex::Guard turn = co_await in_turn_.lock();
  auto next = with(level, std::move(properties));
  if (!next) co_return next.error();
  if (auto checked = check_running(*next); !checked) co_return checked;
  co_await take(std::move(*next));
  co_return Result<void>();
}

Task<Result<void>> DynamicConfig::set_at_start(DynamicLevel level, Properties properties) {
  AsyncMutex::Guard turn = co_await in_turn_.lock();
  auto next = with(level, std::move(properties));
  if (!next) co_return next.error();
  co_await take(std::move(*next));
  co_return Result<void>();
}

Task<void> DynamicConfig::take(BrokerConfig next) {
  std::shared_ptr<const BrokerConfig> before = live_.snapshot();
  auto now = std::make_shared<const BrokerConfig>(std::move(next));
  co_await live_.publish(now);
  for (const Part& part : parts_) {
    if (!differ(*before, *now, part.options)) continue;
    co_await part.reaction(*before, *now);
  }
}

}  // namespace gregor
