#include "broker/log/transaction_index.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "broker/log/directory_health.h"
#include "runtime/byte_reader.h"
#include "runtime/byte_writer.h"

namespace gregor {
namespace {

constexpr int16_t kVersion = 0;

AbortedTransaction read_entry(ByteReader& reader) {
  reader.skip(sizeof kVersion);
  AbortedTransaction entry;
  entry.producer_id = reader.read_int64();
  entry.first_offset = Offset(reader.read_int64());
  entry.last_offset = Offset(reader.read_int64());
  entry.last_stable_offset = Offset(reader.read_int64());
  return entry;
}

Buffer encode(const std::vector<AbortedTransaction>& entries) {
  ByteWriter writer;
  for (const AbortedTransaction& entry : entries) {
    writer.write_int16(kVersion);
    writer.write_int64(entry.producer_id);
    writer.write_int64(entry.first_offset.value);
    writer.write_int64(entry.last_offset.value);
    writer.write_int64(entry.last_stable_offset.value);
  }
  return writer.take();
}

}  // namespace

Result<bool> TransactionIndex::adopt(Offset segment, uint64_t size_bytes) {
  sizes_[segment] = size_bytes;
  if (size_bytes == 0) return true;
  if (size_bytes % kEntrySize != 0) return false;
  auto file = files_.open(path(segment), OpenMode::read);
  if (!file) return file.error();
  Buffer bytes(size_bytes);
  auto count = (*file)->read_at(0, bytes.span());
  if (!count) return count.error();
  for (size_t at = 0; at + kEntrySize <= *count; at += kEntrySize) {
    ByteReader reader(bytes.view().subspan(at));
    bool is_known = load_big_endian<int16_t>(bytes.data() + at) <= kVersion;
    if (!is_known || read_entry(reader).last_offset < segment) return false;
  }
  return true;
}

bool TransactionIndex::is_empty() const {
  return pending_.empty() &&
         std::all_of(sizes_.begin(), sizes_.end(), [](const auto& file) { return file.second == 0; });
}

Result<void> TransactionIndex::append(Offset segment, const AbortedTransaction& transaction) {
  pending_[segment].push_back(transaction);
  if (rebuilt_) return {};
  auto written = write_pending();
  return !written && may_pass(written.error()) ? Result<void>() : written;
}

Result<void> TransactionIndex::write_pending() {
  while (!pending_.empty()) {
    const auto& [segment, entries] = *pending_.begin();
    Buffer bytes = encode(entries);
    auto file = files_.open(path(segment), OpenMode::create);
    if (!file) return file.error();
    auto known = sizes_.find(segment);
    uint64_t size = known == sizes_.end() ? 0 : known->second;
    Bytes piece = bytes.view();
    if (auto written = (*file)->write_at(size, {&piece, 1}); !written) {
      (void)(*file)->truncate(size);
      return written;
    }
    sizes_[segment] = size + bytes.size();
    pending_.erase(pending_.begin());
  }
  return {};
}

Result<std::vector<AbortedTransaction>> TransactionIndex::read(Offset segment) const {
  std::vector<AbortedTransaction> entries;
  if (auto known = sizes_.find(segment); known != sizes_.end() && known->second > 0) {
    auto file = files_.open(path(segment), OpenMode::read);
    if (!file) return file.error();
    Buffer bytes(known->second);
    auto count = (*file)->read_at(0, bytes.span());
    if (!count) return count.error();
    if (*count != bytes.size()) return system_error(EIO, "index is shorter than it was: " + path(segment));
    ByteReader reader(bytes.view());
    while (reader.remaining() >= kEntrySize) entries.push_back(read_entry(reader));
  }
  auto waiting = pending_.find(segment);
  if (waiting != pending_.end()) entries.insert(entries.end(), waiting->second.begin(), waiting->second.end());
  return entries;
}

Result<std::vector<AbortedTransaction>> TransactionIndex::find(Offset segment, Offset from, Offset end) const {
  std::set<Offset> segments;
  for (auto file = sizes_.lower_bound(segment); file != sizes_.end(); ++file) {
    if (file->second > 0) segments.insert(file->first);
  }
  for (auto more = pending_.lower_bound(segment); more != pending_.end(); ++more) segments.insert(more->first);
  std::vector<AbortedTransaction> found;
  for (Offset next : segments) {
    auto entries = read(next);
    if (!entries) return entries.error();
    for (const AbortedTransaction& entry : *entries) {
      if (entry.last_offset >= from && entry.first_offset < end) found.push_back(entry);
      // Everything below was decided when this marker came: what begins later begins behind `end`.
      if (entry.last_stable_offset >= end) return found;
    }
  }
  return found;
}

Result<void> TransactionIndex::truncate(Offset segment, Offset end) {
  if (auto waiting = pending_.find(segment); waiting != pending_.end()) {
    std::erase_if(waiting->second, [end](const AbortedTransaction& entry) { return entry.last_offset >= end; });
    if (waiting->second.empty()) pending_.erase(waiting);
  }
  auto known = sizes_.find(segment);
  if (known == sizes_.end() || known->second == 0) return {};
  auto entries = read(segment);
  if (!entries) return entries.error();
  auto first_gone = std::find_if(entries->begin(), entries->end(),
                                 [end](const AbortedTransaction& entry) { return entry.last_offset >= end; });
  auto size = std::min(known->second, static_cast<uint64_t>(first_gone - entries->begin()) * kEntrySize);
  auto file = files_.open(path(segment), OpenMode::read_write);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(size); !cut) return cut;
  known->second = size;  // an empty file stays known: that it is empty has to reach the disk
  return {};
}

void TransactionIndex::forget(Offset segment) {
  sizes_.erase(segment);
  pending_.erase(segment);
}

Result<std::shared_ptr<File>> TransactionIndex::open_to_sync(Offset segment) {
  if (auto written = write_pending(); !written) return written.error();
  if (!sizes_.contains(segment)) return std::shared_ptr<File>();
  return files_.open(path(segment), OpenMode::read_write);
}

void TransactionIndex::begin_rebuild(Offset segment) {
  rebuilt_ = Rebuild{segment, has_file(segment)};
  forget(segment);
}

Result<void> TransactionIndex::end_rebuild() {
  auto [segment, had_file] = *std::exchange(rebuilt_, std::nullopt);
  if (auto written = write_pending(); !written) return written;
  if (!had_file) return {};
  auto file = files_.open(path(segment), OpenMode::read_write);
  if (!file) return file.error();
  auto known = sizes_.try_emplace(segment, 0).first;
  return (*file)->truncate(known->second);
}

}  // namespace gregor
