#include "broker/log/log_files.h"

#include <fmt/format.h>

#include <charconv>

#include "broker/types/error_code.h"

namespace gregor {

constexpr size_t kOffsetDigits = 20;

std::string segment_file_path(const std::string& directory, Offset base_offset, std::string_view suffix) {
  return fmt::format("{}/{:0{}}{}", directory, base_offset.value, kOffsetDigits, suffix);
}

std::optional<Offset> base_offset_of(std::string_view name) {
  if (name.size() < kOffsetDigits) return std::nullopt;
  int64_t value = 0;
  const char* end = name.data() + kOffsetDigits;
  auto [stopped_at, problem] = std::from_chars(name.data(), end, value);
  if (problem != std::errc() || stopped_at != end || value < 0) return std::nullopt;
  return Offset(value);
}

Result<void> replace_text_file_unsynced(FileSystem& files, const std::string& path, const std::string& text) {
  std::string temporary = path + ".tmp";
  auto file = files.open(temporary, OpenMode::create);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  Bytes piece = as_bytes(text);
  if (auto written = (*file)->write_at(0, {&piece, 1}); !written) return written;
  return files.rename(temporary, path);
}

Error storage_error(const Error& error) { return {ErrorCode::kafka_storage_error, error.message}; }

}  // namespace gregor
