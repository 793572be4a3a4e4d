#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/types/ids.h"
#include "runtime/file.h"

namespace gregor {

/// How the files of a partition's directory are named: 20 digits of base offset, then one of these.
namespace file_suffix {
inline constexpr std::string_view kLog = ".log";
inline constexpr std::string_view kOffsetIndex = ".index";
inline constexpr std::string_view kTimeIndex = ".timeindex";
inline constexpr std::string_view kTransactionIndex = ".txnindex";
inline constexpr std::string_view kSnapshot = ".snapshot";
/// Behind one of those: to be removed, unfinished output of the cleaner, finished output not yet in its place.
inline constexpr std::string_view kDeleted = ".deleted";
inline constexpr std::string_view kCleaned = ".cleaned";
inline constexpr std::string_view kSwap = ".swap";
}  // namespace file_suffix

std::string segment_file_name(Offset base_offset, std::string_view suffix);
std::string segment_file_path(const std::string& directory, Offset base_offset, std::string_view suffix);

/// What the name of a segment's file says.
struct SegmentFileName {
  Offset base_offset;
  std::string_view kind;   ///< kLog to kSnapshot
  std::string_view state;  ///< kDeleted, kCleaned or kSwap; empty for a file in use

  /// None when `name` is anything but 20 digits, a kind and perhaps a state: such a file is not the log's.
  static std::optional<SegmentFileName> parse(std::string_view name);
  /// Whether `name` begins as these do.
  static bool resembles(std::string_view name);
  bool is_in_use(std::string_view of_kind) const { return state.empty() && kind == of_kind; }
};

/// Like replace_text_file, but without waiting for the disk: after a crash of the machine, not of the process, the
/// file may be damaged. For files that can be made anew from the log, and on threads that must not block.
Result<void> replace_text_file_unsynced(FileSystem& files, const std::string& path, const std::string& text);

/// `error` as the log reports it: kafka_storage_error with the same text.
Error storage_error(const Error& error);

}  // namespace gregor
