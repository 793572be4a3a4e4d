#include "runtime/file.h"

#include <cerrno>
#include <filesystem>

namespace gregor {

Result<std::string> read_text_file(FileSystem& files, const std::string& path, uint64_t max_size) {
  auto file = files.open(path, OpenMode::read);
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  if (*size > max_size) return system_error(EFBIG, "read " + path);
  std::string text(*size, '\0');
  auto count = (*file)->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (!count) return count.error();
  text.resize(*count);
  return text;
}

Result<void> replace_text_file(FileSystem& files, const std::string& path, const std::string& text) {
  std::string temporary = path + ".tmp";
  auto file = files.open(temporary, OpenMode::create);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(0); !cut) return cut;
  Bytes piece = as_bytes(text);
  if (auto written = (*file)->write_at(0, {&piece, 1}); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = files.rename(temporary, path); !renamed) return renamed;
  return files.sync_directory(std::filesystem::path(path).parent_path().string());
}

}  // namespace gregor
