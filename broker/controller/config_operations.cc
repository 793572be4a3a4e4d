#include <algorithm>

#include "broker/config/option.h"
#include "broker/config/option_value.h"
#include "broker/controller/config_admin.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

using Kind = ConfigOperation::Kind;

const OptionInfo* find_option(ConfigResourceType type, const std::string& name) {
  OptionTable table = type == ConfigResourceType::topic ? topic_option_table() : broker_option_table();
  auto index = table.find(name);
  return index ? &table[*index] : nullptr;
}

/// The list that an operation begins with. Error where the option is none.
Result<std::vector<std::string>> list_before(const Properties& properties, const ConfigOperation& operation,
                                             ConfigResourceType type) {
  const OptionInfo* option = find_option(type, operation.name);
  if (option == nullptr) {
    return Error{make_error_code(ErrorCode::invalid_config), "Unknown config name: " + operation.name};
  }
  if (option->type != OptionType::list) {
    std::string verb = operation.kind == Kind::append ? "append" : "subtract";
    return Error{make_error_code(ErrorCode::invalid_config),
                 "Config value " + verb + " is not allowed for config key: " + operation.name};
  }
  auto set = properties.find(operation.name);
  return split_list(set == properties.end() ? option->default_text.value_or("") : set->second);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

Result<void> change_list(Properties& properties, const ConfigOperation& operation, ConfigResourceType type) {
  auto list = list_before(properties, operation, type);
  if (!list) return list.error();
  for (const std::string& part : split_list(operation.value)) {
    auto found = std::find(list->begin(), list->end(), part);
    if (operation.kind == Kind::append && found == list->end()) list->push_back(part);
    if (operation.kind == Kind::subtract && found != list->end()) list->erase(found);
  }
  properties[operation.name] = joined(*list);
  return {};
}

}  // namespace

Result<Properties> after_operations(Properties properties, const std::vector<ConfigOperation>& operations,
                                    ConfigResourceType type) {
  for (const ConfigOperation& operation : operations) {
    if (operation.kind == Kind::set) {
      properties[operation.name] = operation.value;
    } else if (operation.kind == Kind::remove) {
      properties.erase(operation.name);
    } else if (auto changed = change_list(properties, operation, type); !changed) {
      return changed.error();
    }
  }
  return properties;
}

}  // namespace gregor
