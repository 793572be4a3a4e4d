#include "broker/config/option_name.h"

#include <algorithm>
#include <array>

#include "broker/config/option.h"

namespace gregor {
namespace {

constexpr std::string_view kListenerPrefix = "listener.name.";

/// Options of a listener's SASL mechanism, which stands between the listener's prefix and the option's name.
constexpr std::array<std::string_view, 5> kMechanismOptions = {
    "sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
    "sasl.server.callback.handler.class", "connections.max.reauth.ms"};

/// Where the listener's name ends in a listener's key; npos for any other key.
size_t end_of_listener(std::string_view key) {
  if (!key.starts_with(kListenerPrefix)) return std::string_view::npos;
  return key.find('.', kListenerPrefix.size());
}

}  // namespace

std::string_view option_of_listener(std::string_view key) {
  size_t name_end = end_of_listener(key);
  if (name_end == std::string_view::npos) return {};
  std::string_view option = key.substr(name_end + 1);
  for (std::string_view mechanism_option : kMechanismOptions) {
    if (option.ends_with(mechanism_option)) return mechanism_option;
  }
  return option;
}

std::string_view listener_of(std::string_view key) {
  size_t name_end = end_of_listener(key);
  if (name_end == std::string_view::npos) return {};
  return key.substr(kListenerPrefix.size(), name_end - kListenerPrefix.size());
}

std::optional<size_t> find_broker_option(std::string_view key) {
  if (auto own = broker_option_table().find(key)) return own;
  return broker_option_table().find(option_of_listener(key));
}

bool is_dynamic_password(std::string_view key) {
  OptionTable table = broker_option_table();
  return std::any_of(table.begin(), table.end(), [&](const OptionInfo& option) {
    bool is_dynamic = option.update != UpdateMode::read_only;
    return option.type == OptionType::password && is_dynamic && key.ends_with(option.name);
  });
}

}  // namespace gregor
