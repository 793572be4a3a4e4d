#pragma once

#include <optional>

#include "broker/types/uuid.h"
#include "runtime/file.h"

namespace gregor {

std::string partition_metadata_path(const std::string& directory);
/// The topic id in a partition directory's `partition.metadata`; none when there is no file.
/// Errors: kafka_storage_error when the file is malformed, or the system's.
Result<std::optional<Uuid>> read_partition_metadata(FileSystem& files, const std::string& directory);
/// Writes that file without waiting for the disk: the controller knows the id too.
Result<void> write_partition_metadata(FileSystem& files, const std::string& directory, const Uuid& topic_id);

}  // namespace gregor
