#include "broker/log/meta_properties.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "broker/log/log_files.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\f";
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

/// Java writes `\:`, `\=` and the like; ids hold nothing else that is escaped.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string escaped(std::string_view plain) {
  std::string text;
  for (char c : plain) {
    if (std::string_view("\\=:#! \t\r\f").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

/// Where the first `=` or `:` is that is not escaped.
size_t find_separator(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\')
      ++i;
    else if (line[i] == '=' || line[i] == ':')
      return i;
  }
  return std::string_view::npos;
}

std::optional<std::string> value_of(const MetaProperties& properties, const char* key) {
  auto found = properties.values.find(key);
  if (found == properties.values.end()) return std::nullopt;
  return found->second;
}

Error mismatch(ErrorCode code, const std::string& key, const std::string& stored, const std::string& path,
               const ExpectedId& expected) {
  return {code,
          fmt::format("{key} is {stored} in {path} but {expected} according to {source}. Either this log directory "
                      "belongs to another {what}: then configure log.dirs with a directory of this one's own; or "
                      "{source} is not what this broker was meant to use: then correct it so that it says "
                      "{stored}. (If the data in the directory is not wanted, remove {path} with it.)",
                      fmt::arg("key", key), fmt::arg("stored", stored), fmt::arg("path", path),
                      fmt::arg("expected", expected.id), fmt::arg("source", expected.source),
                      fmt::arg("what", key == "broker.id" ? "broker" : "cluster"))};
}

}  // namespace

std::optional<BrokerId> MetaProperties::broker_id() const {
  auto text = value_of(*this, "broker.id");
  if (!text) return std::nullopt;
  int32_t id = 0;
  const char* end = text->data() + text->size();
  auto [stopped_at, problem] = std::from_chars(text->data(), end, id);
  if (problem != std::errc() || stopped_at != end) return std::nullopt;
  return BrokerId(id);
}

std::optional<std::string> MetaProperties::cluster_id() const { return value_of(*this, "cluster.id"); }

MetaProperties MetaProperties::of(BrokerId broker_id, const std::string& cluster_id) {
  return {{{"version", "0"}, {"broker.id", std::to_string(broker_id.value)}, {"cluster.id", cluster_id}}};
}

Result<std::optional<MetaProperties>> read_meta_properties(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return std::optional<MetaProperties>();
  auto text = read_text_file(files, path, 1 << 20);
  if (!text) return storage_error(text.error());
  MetaProperties properties;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    size_t separator = find_separator(line);
    if (separator == std::string::npos) {
      return Error{ErrorCode::kafka_storage_error, fmt::format("malformed line in {}: '{}'", path, line)};
    }
    properties.values[unescaped(trimmed(std::string_view(line).substr(0, separator)))] =
        unescaped(trimmed(std::string_view(line).substr(separator + 1)));
  }
  auto version = value_of(properties, "version");
  if (version && *version != "0") {
    return Error{
        ErrorCode::kafka_storage_error,
        fmt::format("{} has version {}; only version 0, that of ZooKeeper mode, can be used", path, *version)};
  }
  return std::optional<MetaProperties>(std::move(properties));
}

Result<void> write_meta_properties(FileSystem& files, const std::string& path, const MetaProperties& properties) {
  std::string text = "#\n";
  for (const auto& [key, value] : properties.values) text += fmt::format("{}={}\n", escaped(key), escaped(value));
  return replace_text_file(files, path, text);
}

Result<void> check_meta_properties(const MetaProperties& properties, const std::string& path,
                                   const std::optional<ExpectedId>& broker_id,
                                   const std::optional<ExpectedId>& cluster_id) {
  auto stored_broker = value_of(properties, "broker.id");
  if (broker_id && stored_broker && *stored_broker != broker_id->id) {
    return mismatch(ErrorCode::invalid_config, "broker.id", *stored_broker, path, *broker_id);
  }
  auto stored_cluster = properties.cluster_id();
  if (cluster_id && stored_cluster && *stored_cluster != cluster_id->id) {
    return mismatch(ErrorCode::inconsistent_cluster_id, "cluster.id", *stored_cluster, path, *cluster_id);
  }
  return {};
}

}  // namespace gregor
