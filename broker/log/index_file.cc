#include "broker/log/index_file.h"

#include <algorithm>
#include <cstring>

#include "broker/log/directory_health.h"

namespace gregor {
namespace {

constexpr size_t kPage = 4096;

/// How many of `entries`, of `size` bytes each, come before the first for which `is_before` is false.
uint64_t count_before(Bytes entries, size_t size, const IndexFile::IsBefore& is_before) {
  uint64_t low = 0;
  uint64_t high = entries.size() / size;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (is_before(entries.data() + middle * size)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

Result<void> IndexFile::reset() {
  bool was_empty = entry_count() == 0;
  stored_ = 0;
  pending_.clear();
  forget_found();
  auto file = open();
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  return *size == 0 && was_empty ? Result<void>() : (*file)->truncate(0);
}

void IndexFile::adopt(std::optional<uint64_t> size_bytes) {
  pending_.clear();
  forget_found();
  adopted_size_ = size_bytes;
  stored_ = size_bytes.value_or(0) / entry_size_;
}

Result<void> IndexFile::append(Bytes entry) {
  pending_.append(entry);
  if (pending_.size() < kPage || is_rebuilding_) return {};
  auto written = write_pending();
  // Without room or descriptors entries wait as well.
  return !written && may_pass(written.error()) ? Result<void>() : written;
}

void IndexFile::begin_rebuild() {
  stored_ = 0;
  pending_.clear();
  forget_found();
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
  if (index >= found_begin_ && index < found_begin_ + found_count()) {
    std::memcpy(entry.data(), found_.data() + (index - found_begin_) * entry_size_, entry_size_);
    return {};
  }
  auto file = open();
  if (!file) return file.error();
  return read_from(**file, index, entry);
}

Result<void> IndexFile::read_from(File& file, uint64_t index, std::span<uint8_t> entries) {
  auto count = file.read_at(index * entry_size_, entries);
  if (!count) return count.error();
  if (*count != entries.size()) return system_error(EIO, "index is shorter than it was: " + path());
  return {};
}

Result<uint64_t> IndexFile::partition_point(const IsBefore& is_before) {
  bool is_among_stored = pending_.empty() || (stored_ > 0 && !is_before(pending_.data()));
  if (is_among_stored) return search_stored(is_before);
  return stored_ + count_before(pending_.view(), entry_size_, is_before);
}

Result<uint64_t> IndexFile::search_stored(const IsBefore& is_before) {
  if (!is_found(is_before)) {
    if (auto searched = search_file(is_before); !searched) return searched.error();
  }
  return found_begin_ + count_before(found_.view(), entry_size_, is_before);
}

bool IndexFile::is_found(const IsBefore& is_before) const {
  if (found_.empty()) return false;
  bool begins_before = found_begin_ == 0 || is_before(found_.data());
  bool ends_behind = found_begin_ + found_count() == stored_ || !is_before(last_found());
  return begins_before && ends_behind;
}

Result<void> IndexFile::search_file(const IsBefore& is_before) {
  if (stored_ == 0) return {};
  auto file = open();
  if (!file) return file.error();
  const uint64_t page = kPage / entry_size_;
  // A reader that goes on finds its next place behind the last one.
  if (!found_.empty() && is_before(last_found())) {
    if (auto next = load_found(**file, found_begin_ + found_count() - 1); !next) return next;
    if (is_found(is_before)) return {};
  }
  uint64_t low = 0;
  uint64_t high = stored_;
  uint8_t entry[16];
  ASSERT(entry_size_ <= sizeof entry);
  while (high - low >= page) {
    uint64_t middle = low + (high - low) / 2;
    if (auto got = read_from(**file, middle, {entry, entry_size_}); !got) return got;
    (is_before(entry) ? low : high) = middle;
  }
  return load_found(**file, low);
}

Result<void> IndexFile::load_found(File& file, uint64_t first) {
  Buffer entries(std::min(stored_ - first, kPage / entry_size_) * entry_size_);
  if (auto got = read_from(file, first, entries.span()); !got) return got;
  found_ = std::move(entries);
  found_begin_ = first;
  return {};
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
  forget_found();
  stored_ = count;
  return {};
}

}  // namespace gregor
