#include "broker/config/describe.h"

#include <algorithm>
#include <string_view>

#include "broker/config/option_name.h"
#include "broker/config/option_value.h"

namespace gregor {
namespace {

/// The names that set the same thing as `name`, strongest first.
std::vector<std::string_view> synonym_names(std::string_view name) {
  OptionTable table = broker_option_table();
  std::vector<std::string_view> names = {name};
  if (auto option = option_of_listener(name); !option.empty()) names.push_back(option);
  auto index = table.find(name);
  while (index && table[*index].source.is_synonym) {
    index = static_cast<size_t>(table[*index].source.option);
    names.push_back(table[*index].name);
  }
  return names;
}

std::optional<std::string> default_text(std::string_view name) {
  auto index = broker_option_table().find(name);
  return index ? to_text(default_value(broker_option_table()[*index])) : std::nullopt;
}

/// Where `name` or a synonym is set. Kafka leaves out what precedes the first place that uses the name itself, and
/// so do we: log.retention.ms has no synonyms while only log.retention.hours is set.
std::vector<ConfigSynonym> broker_synonyms(const BrokerConfig& broker, std::string_view name, bool is_sensitive) {
  std::vector<ConfigSynonym> synonyms;
  auto add = [&](std::string_view synonym, std::optional<std::string> value, ConfigSource source) {
    if (is_sensitive) value = std::nullopt;
    synonyms.push_back({std::string(synonym), std::move(value), source});
  };
  auto names = synonym_names(name);
  auto add_those_set = [&](const Properties& place, ConfigSource source) {
    for (std::string_view synonym : names) {
      auto set = place.find(synonym);
      if (set != place.end()) add(synonym, set->second, source);
    }
  };
  add_those_set(broker.dynamic().broker, ConfigSource::dynamic_broker);
  add_those_set(broker.dynamic().cluster, ConfigSource::dynamic_default_broker);
  add_those_set(broker.static_originals(), ConfigSource::static_broker);
  for (std::string_view synonym : names) {
    if (auto text = default_text(synonym)) add(synonym, text, ConfigSource::default_config);
  }
  auto own =
      std::find_if(synonyms.begin(), synonyms.end(), [&](const auto& synonym) { return synonym.name == name; });
  synonyms.erase(synonyms.begin(), own);
  return synonyms;
}

ConfigSource strongest(const std::vector<ConfigSynonym>& synonyms) {
  return synonyms.empty() ? ConfigSource::default_config : synonyms.front().source;
}

ConfigEntry describe_option(const BrokerConfig& broker, size_t index) {
  const OptionInfo& option = broker_option_table()[index];
  ConfigEntry entry;
  entry.name = option.name;
  entry.is_sensitive = option.type == OptionType::password;
  if (!entry.is_sensitive) entry.value = to_text(broker.value(index));
  entry.read_only = option.update == UpdateMode::read_only;
  entry.synonyms = broker_synonyms(broker, option.name, entry.is_sensitive);
  if (!option.is_only_dynamic) entry.documentation = option.text;
  if (option.is_only_dynamic) {
    // Kafka knows these as settings of an entity, not as options of a broker: without default and documentation.
    entry.read_only = true;
    std::erase_if(entry.synonyms,
                  [](const ConfigSynonym& synonym) { return synonym.source == ConfigSource::default_config; });
  }
  entry.source = strongest(entry.synonyms);
  entry.type = option.type;
  return entry;
}

/// An entry for a key that is not in the table.
ConfigEntry describe_foreign(const BrokerConfig& broker, const std::string& key, const std::string& value) {
  ConfigEntry entry;
  entry.name = key;
  if (auto index = find_broker_option(key)) entry.type = broker_option_table()[*index].type;
  entry.is_sensitive = entry.type == OptionType::unknown || entry.type == OptionType::password;
  if (!entry.is_sensitive) entry.value = value;
  entry.read_only = true;
  entry.synonyms = broker_synonyms(broker, key, entry.is_sensitive);
  entry.source = strongest(entry.synonyms);
  return entry;
}

ConfigEntry describe_topic_option(const BrokerConfig& broker, const TopicConfig& topic, size_t index) {
  const OptionInfo& option = topic_option_table()[index];
  ConfigEntry entry;
  entry.name = option.name;
  entry.value = to_text(topic.value(index));
  if (topic.overrides().contains(option.name)) {
    entry.synonyms.push_back({entry.name, entry.value, ConfigSource::topic});
  }
  if (option.source.option >= 0) {
    auto source_name = broker_option_table()[static_cast<size_t>(option.source.option)].name;
    auto synonyms = broker_synonyms(broker, source_name, false);
    entry.synonyms.insert(entry.synonyms.end(), synonyms.begin(), synonyms.end());
  }
  entry.source = strongest(entry.synonyms);
  entry.type = option.type;
  entry.documentation = option.text;
  return entry;
}

}  // namespace

std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker) {
  OptionTable table = broker_option_table();
  std::vector<ConfigEntry> entries;
  for (size_t index = 0; index < table.size(); ++index) {
    bool is_hidden = table[index].is_hidden && !broker.originals().contains(table[index].name);
    if (!is_hidden) entries.push_back(describe_option(broker, index));
  }
  for (const auto& [key, value] : broker.originals()) {
    if (!table.find(key)) entries.push_back(describe_foreign(broker, key, value));
  }
  return entries;
}

std::vector<ConfigEntry> describe_cluster(const BrokerConfig& broker) {
  std::vector<ConfigEntry> entries;
  for (const auto& [key, value] : broker.dynamic().cluster) {
    auto index = broker_option_table().find(key);
    ConfigEntry entry = index ? describe_option(broker, *index) : describe_foreign(broker, key, value);
    if (!entry.is_sensitive) entry.value = value;
    std::erase_if(entry.synonyms, [](const ConfigSynonym& synonym) {
      return synonym.source != ConfigSource::dynamic_default_broker;
    });
    entry.source = strongest(entry.synonyms);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker, const TopicConfig& topic) {
  std::vector<ConfigEntry> entries;
  for (size_t index = 0; index < topic_option_table().size(); ++index) {
    entries.push_back(describe_topic_option(broker, topic, index));
  }
  return entries;
}

}  // namespace gregor
