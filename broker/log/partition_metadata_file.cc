#include "broker/log/partition_metadata_file.h"

#include <fmt/format.h>

#include <cerrno>

#include "broker/log/log_files.h"
#include "broker/types/error_code.h"

namespace gregor {

std::string partition_metadata_path(const std::string& directory) { return directory + "/partition.metadata"; }

Result<std::optional<Uuid>> read_partition_metadata(FileSystem& files, const std::string& directory) {
  std::string path = partition_metadata_path(directory);
  if (!files.exists(path)) return std::optional<Uuid>();
  auto text = read_text_file(files, path, 4096);
  bool is_too_long = !text && text.error().code == std::error_code(EFBIG, std::system_category());
  if (!text && !is_too_long) return text.error();
  constexpr std::string_view kBegin = "version: 0\ntopic_id: ";
  if (text && text->starts_with(kBegin)) {
    std::string id = text->substr(kBegin.size());
    while (!id.empty() && (id.back() == '\n' || id.back() == '\r')) id.pop_back();
    if (auto parsed = Uuid::parse(id)) return parsed;
  }
  return Error{ErrorCode::kafka_storage_error, "malformed partition metadata file " + path};
}

Result<void> write_partition_metadata(FileSystem& files, const std::string& directory, const Uuid& topic_id) {
  return replace_text_file_unsynced(files, partition_metadata_path(directory),
                                    fmt::format("version: 0\ntopic_id: {}\n", topic_id.to_string()));
}

}  // namespace gregor
