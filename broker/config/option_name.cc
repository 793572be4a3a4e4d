#include "broker/config/option_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <utility>
#include <vector>

#include "broker/config/option.h"

namespace gregor {
namespace {

constexpr size_t kMostSlips = 3;
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

/// Letters that were left out, put in or taken for others between `a` and `b`; capitals, dots, dashes and
/// underscores are no difference.
size_t slips_between(std::string_view a, std::string_view b) {
  auto plain = [](char c) {
    return c == '-' || c == '_' ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  std::vector<size_t> row(b.size() + 1);  // of the part of `a` seen so far, to each beginning of `b`
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (plain(a[i]) == plain(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
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

std::optional<std::string_view> nearest_broker_option(std::string_view key) {
  size_t allowed = std::min<size_t>(kMostSlips, key.size() / 4);
  std::optional<std::string_view> nearest;
  for (const OptionInfo& option : broker_option_table()) {
    if (option.is_hidden) continue;
    size_t slips = slips_between(key, option.name);
    if (slips > allowed) continue;
    nearest = option.name;
    if (slips == 0) break;
    allowed = slips - 1;
  }
  return nearest;
}

bool is_dynamic_password(std::string_view key) {
  OptionTable table = broker_option_table();
  return std::any_of(table.begin(), table.end(), [&](const OptionInfo& option) {
    bool is_dynamic = option.update != UpdateMode::read_only;
    return option.type == OptionType::password && is_dynamic && key.ends_with(option.name);
  });
}

}  // namespace gregor
