#include "broker/log/index_file.h"

#include <algorithm>
#include <cstring>

#include "broker/log/directory_health.h"

namespace gregor {

Result<void> IndexFile::reset() {
  bool was_empty = entry_count() == 0;
  stored_ = 0;
  pending_.clear();
  auto file = open();
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  return *size == 0 && was_empty ? Result<void>() : (*file)->truncate(0);
}

void IndexFile::adopt(std::optional<uint64_t> size_bytes) {
  pending_.clear();
  adopted_size_ = size_bytes;
  stored_ = size_bytes.value_or(0) / entry_size_;
}

Result<void> IndexFile::append(Bytes entry) {
  constexpr size_t kPage = 4096;
  pending_.append(entry);
  if (pending_.size() < kPage || is_rebuilding_) return {};
  auto written = write_pending();
  // Without room or descriptors entries wait as well.
  return !written && may_pass(written.error()) ? Result<void>() : written;
}

void IndexFile::begin_rebuild() {
  stored_ = 0;
  pending_.clear();
  is_rebuilding_ = true;
}

Result<void> IndexFile::end_rebuild() {
  is_rebuilding_ = false;
  if (adopted_size_ == 0 && pending_.empty()) return {};
  auto file = open();
  if (!file) return file.error();
  auto unchanged = count_unchanged(**file);
  if (!unchanged) return unchanged.error();
  if (*unchanged < adopted_size_.value_or(0)) {
    if (auto cut = (*file)->truncate(*unchanged); !cut) return cut;
  }
  stored_ = *unchanged / entry_size_;
  pending_ = Buffer::copy_of(pending_.view().subspan(*unchanged));
  return write_pending();
}

Result<size_t> IndexFile::count_unchanged(File& file) const {
  Buffer old(std::min<uint64_t>(adopted_size_.value_or(0), pending_.size()));
  auto count = file.read_at(0, old.span());
  if (!count) return count.error();
  auto [end, other] = std::mismatch(old.data(), old.data() + *count, pending_.data());
  return static_cast<size_t>(end - old.data()) / entry_size_ * entry_size_;
}

Result<void> IndexFile::begin_durable_rebuild() {
  begin_rebuild();
  auto file = open();
  if (!file) return file.error();
  if (auto marked = (*file)->truncate(1); !marked) return marked;
  return (*file)->sync();
}

Result<void> IndexFile::end_durable_rebuild() {
  is_rebuilding_ = false;
  uint64_t size = pending_.size();
  auto file = open();
  if (!file) return file.error();
  if (auto marked = (*file)->truncate(size + 1); !marked) return marked;
  if (auto written = write_pending(); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto cut = (*file)->truncate(size); !cut) return cut;
  return (*file)->sync();
}

Result<void> IndexFile::write_pending() {
  if (pending_.empty()) return {};
  auto file = open();
  if (!file) return file.error();
  Bytes piece = pending_.view();
  if (auto written = (*file)->write_at(stored_ * entry_size_, {&piece, 1}); !written) {
    // Entries that a full disk took could be cut in memory before they are written again.
    (void)(*file)->truncate(stored_ * entry_size_);
    return written;
  }
  stored_ += pending_.size() / entry_size_;
  pending_ = Buffer();
  return {};
}

Result<void> IndexFile::read(uint64_t index, std::span<uint8_t> entry) {
  ASSERT(index < entry_count() && entry.size() == entry_size_);
  if (index >= stored_) {
    std::memcpy(entry.data(), pending_.data() + (index - stored_) * entry_size_, entry_size_);
    return {};
  }
  auto file = open();
  if (!file) return file.error();
  auto count = (*file)->read_at(index * entry_size_, entry);
  if (!count) return count.error();
  if (*count != entry_size_) return system_error(EIO, "index is shorter than it was: " + path());
  return {};
}

Result<uint64_t> IndexFile::partition_point(const std::function<bool(const uint8_t*)>& is_before) {
  uint64_t low = 0;
  uint64_t high = stored_;
  if (!pending_.empty() && (stored_ == 0 || is_before(pending_.data()))) {
    low = stored_;
    high = entry_count();
  }
  uint8_t entry[16];
  ASSERT(entry_size_ <= sizeof entry);
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (auto got = read(middle, {entry, entry_size_}); !got) return got.error();
    if (is_before(entry)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<void> IndexFile::truncate(uint64_t count) {
  if (count >= entry_count()) return {};
  if (count >= stored_) {
    pending_.resize((count - stored_) * entry_size_);
    return {};
  }
  auto file = open();
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(count * entry_size_); !cut) return cut;
  pending_.clear();
  stored_ = count;
  return {};
}

}  // namespace gregor
