#include "broker/log/log_files.h"

#include <fmt/format.h>

#include <charconv>

#include "broker/types/error_code.h"

namespace gregor {

constexpr size_t kOffsetDigits = 20;

std::string segment_file_name(Offset base_offset, std::string_view suffix) {
  return fmt::format("{:0{}}{}", base_offset.value, kOffsetDigits, suffix);
}

std::string segment_file_path(const std::string& directory, Offset base_offset, std::string_view suffix) {
  return directory + "/" + segment_file_name(base_offset, suffix);
}

std::optional<SegmentFileName> SegmentFileName::parse(std::string_view name) {
  using namespace file_suffix;
  if (!resembles(name)) return std::nullopt;
  SegmentFileName parsed;
  const char* end = name.data() + kOffsetDigits;
  auto [stopped_at, problem] = std::from_chars(name.data(), end, parsed.base_offset.value);
  if (problem != std::errc() || stopped_at != end) return std::nullopt;
  std::string_view rest = name.substr(kOffsetDigits);
  for (std::string_view kind : {kLog, kOffsetIndex, kTimeIndex, kTransactionIndex, kSnapshot}) {
    if (!rest.starts_with(kind)) continue;
    parsed.kind = kind;
    for (std::string_view state : {std::string_view(), kDeleted, kCleaned, kSwap}) {
      parsed.state = state;
      if (rest.substr(kind.size()) == state) return parsed;
    }
  }
  return std::nullopt;
}

bool SegmentFileName::resembles(std::string_view name) {
  return name.find_first_not_of("0123456789") >= kOffsetDigits && name.size() >= kOffsetDigits;
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
