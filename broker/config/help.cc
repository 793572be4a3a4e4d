#include "broker/config/help.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/config/option.h"
#include "broker/config/option_value.h"

namespace gregor {
namespace {

std::string default_note(const OptionInfo& option) {
  if (!option.default_text) return "unset by default";
  return option.default_text->empty() ? "empty by default" : fmt::format("default {}", *option.default_text);
}

std::string_view effect_note(const OptionInfo& option) {
  if (option.has_effect) return "";
  return option.is_refused ? " Refused so far." : " No effect yet.";
}

}  // namespace

std::string options_help() {
  std::string help;
  std::string_view group;
  for (const OptionInfo& option : broker_option_table()) {
    if (option.is_hidden) continue;
    if (option.group != group) fmt::format_to(std::back_inserter(help), "\n{}:\n", option.group);
    group = option.group;
    fmt::format_to(std::back_inserter(help), "  {}  ({}; {})\n      {}{}\n", option.name, allowed_text(option),
                   default_note(option), option.text, effect_note(option));
  }
  return help;
}

}  // namespace gregor
