#include "broker/log/checkpoint_file.h"

#include <fmt/format.h>

#include <sstream>

#include "broker/log/log_files.h"
#include "broker/types/error_code.h"

namespace gregor {

Result<std::vector<std::string>> checkpoint_entries(const std::string& text, const std::string& path) {
  auto malformed = [&](const std::string& why) {
    return Error{ErrorCode::kafka_storage_error, fmt::format("malformed checkpoint file {}: {}", path, why)};
  };
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != "0") return malformed("the first line is not version 0");
  if (!std::getline(lines, line)) return malformed("it has no number of entries");
  std::string claimed = line;
  std::vector<std::string> entries;
  while (std::getline(lines, line)) entries.push_back(line);
  if (claimed != std::to_string(entries.size())) {
    return malformed(fmt::format("it claims {} entries and has {}", claimed, entries.size()));
  }
  return entries;
}

Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& files, const std::string& path) {
  OffsetCheckpoint offsets;
  if (!files.exists(path)) return offsets;
  auto text = read_text_file(files, path);
  if (!text) return storage_error(text.error());
  auto entries = checkpoint_entries(*text, path);
  if (!entries) return entries.error();
  for (const std::string& entry : *entries) {
    std::istringstream fields(entry);
    TopicPartition name;
    int64_t offset = 0;
    if (!(fields >> name.topic >> name.partition >> offset) || !(fields >> std::ws).eof()) {
      return Error{ErrorCode::kafka_storage_error,
                   fmt::format("malformed line in checkpoint {}: '{}'", path, entry)};
    }
    offsets[name] = Offset(offset);
  }
  return offsets;
}

Result<void> write_offset_checkpoint(FileSystem& files, const std::string& path, const OffsetCheckpoint& offsets) {
  std::string text = fmt::format("0\n{}\n", offsets.size());
  for (const auto& [name, offset] : offsets) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", name.topic, name.partition, offset.value);
  }
  return replace_text_file(files, path, text);
}

}  // namespace gregor
