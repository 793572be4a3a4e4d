#include "broker/config/option_changes.h"

#include <set>

#include "broker/config/option_name.h"
#include "broker/config/option_value.h"

namespace gregor {
namespace {

constexpr const char* kHidden = "(hidden)";

std::string text_of(const OptionInfo& option, const OptionValue& value) {
  std::string text = to_text(value).value_or("unset");
  if (text.empty()) return "empty";
  return option.type == OptionType::password && text != "unset" ? kHidden : text;
}

/// Of a key that is no option by itself: one of a listener, or a plug-in's.
std::string text_as_written(const Properties& properties, const std::string& key) {
  auto found = properties.find(key);
  if (found == properties.end()) return "unset";
  auto index = find_broker_option(key);
  bool is_secret = !index || broker_option_table()[*index].type == OptionType::password;
  return is_secret ? kHidden : found->second;
}

std::set<std::string> dynamic_keys(const BrokerConfig& one, const BrokerConfig& other) {
  std::set<std::string> keys;
  for (const BrokerConfig* config : {&one, &other}) {
    for (const auto& [key, value] : config->dynamic().cluster) keys.insert(key);
    for (const auto& [key, value] : config->dynamic().broker) keys.insert(key);
  }
  return keys;
}

const std::string* find_in(const Properties& properties, const std::string& key) {
  auto found = properties.find(key);
  return found == properties.end() ? nullptr : &found->second;
}

bool are_equal(const std::string* a, const std::string* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

bool is_set_alike(const BrokerConfig& one, const BrokerConfig& other, const std::string& key) {
  return are_equal(find_in(one.dynamic().broker, key), find_in(other.dynamic().broker, key)) &&
         are_equal(find_in(one.dynamic().cluster, key), find_in(other.dynamic().cluster, key));
}

}  // namespace

std::vector<OptionChange> option_changes(const BrokerConfig& before, const BrokerConfig& now) {
  OptionTable table = broker_option_table();
  std::vector<OptionChange> changes;
  for (const std::string& key : dynamic_keys(before, now)) {
    if (is_set_alike(before, now, key)) continue;
    auto index = table.find(key);
    bool is_set_now = now.dynamic().broker.contains(key) || now.dynamic().cluster.contains(key);
    if (!index) {
      auto of_listener = find_broker_option(key);
      changes.push_back({key, text_as_written(before.originals(), key), text_as_written(now.originals(), key),
                         is_set_now && of_listener && !table[*of_listener].has_effect});
    } else {
      changes.push_back({key, text_of(table[*index], before.effective_value(*index)),
                         text_of(table[*index], now.effective_value(*index)),
                         is_set_now && !table[*index].has_effect});
    }
  }
  return changes;
}

std::vector<OptionChange> option_changes(const TopicConfig& before, const TopicConfig& now) {
  OptionTable table = topic_option_table();
  std::vector<OptionChange> changes;
  for (size_t index = 0; index < table.size(); ++index) {
    std::string name(table[index].name);
    bool is_set = before.overrides().contains(name) || now.overrides().contains(name);
    if (!is_set || before.value(index) == now.value(index)) continue;
    changes.push_back({name, text_of(table[index], before.value(index)), text_of(table[index], now.value(index)),
                       now.overrides().contains(name) && !table[index].has_effect});
  }
  return changes;
}

std::string to_string(const std::vector<OptionChange>& changes) {
  std::string text;
  for (const auto& change : changes) {
    bool stays = change.before == change.now && change.now != kHidden;
    text +=
        (text.empty() ? "" : ", ") + change.name + ": " + (stays ? "stays " : change.before + " -> ") + change.now;
  }
  return text;
}

std::string names_without_effect(const std::vector<OptionChange>& changes) {
  std::string names;
  for (const auto& change : changes) {
    if (change.is_without_effect) names += (names.empty() ? "" : ",") + change.name;
  }
  return names;
}

}  // namespace gregor
