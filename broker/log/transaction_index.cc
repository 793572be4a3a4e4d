#include "broker/log/transaction_index.h"

#include <algorithm>
#include <cerrno>

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

}  // namespace

Result<bool> TransactionIndex::adopt(Offset segment, uint64_t size_bytes) {
  if (size_bytes == 0) return true;
  sizes_[segment] = size_bytes;
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

Result<void> TransactionIndex::append(Offset segment, const AbortedTransaction& transaction) {
  ByteWriter writer;
  writer.write_int16(kVersion);
  writer.write_int64(transaction.producer_id);
  writer.write_int64(transaction.first_offset.value);
  writer.write_int64(transaction.last_offset.value);
  writer.write_int64(transaction.last_stable_offset.value);
  auto file = files_.open(path(segment), OpenMode::create);
  if (!file) return file.error();
  uint64_t& size = sizes_[segment];
  Bytes piece = writer.view();
  if (auto written = (*file)->write_at(size, {&piece, 1}); !written) return written;
  size += kEntrySize;
  return {};
}

Result<std::vector<AbortedTransaction>> TransactionIndex::read(Offset segment, uint64_t size_bytes) const {
  auto file = files_.open(path(segment), OpenMode::read);
  if (!file) return file.error();
  Buffer bytes(size_bytes);
  auto count = (*file)->read_at(0, bytes.span());
  if (!count) return count.error();
  if (*count != size_bytes) return system_error(EIO, "index is shorter than it was: " + path(segment));
  std::vector<AbortedTransaction> entries;
  ByteReader reader(bytes.view());
  while (reader.remaining() >= kEntrySize) entries.push_back(read_entry(reader));
  return entries;
}

Result<std::vector<AbortedTransaction>> TransactionIndex::find(Offset segment, Offset from, Offset end) const {
  std::vector<AbortedTransaction> found;
  for (auto file = sizes_.lower_bound(segment); file != sizes_.end(); ++file) {
    auto entries = read(file->first, file->second);
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
  auto known = sizes_.find(segment);
  if (known == sizes_.end()) return {};
  auto entries = read(segment, known->second);
  if (!entries) return entries.error();
  auto first_gone = std::find_if(entries->begin(), entries->end(),
                                 [end](const AbortedTransaction& entry) { return entry.last_offset >= end; });
  auto size = static_cast<uint64_t>(first_gone - entries->begin()) * kEntrySize;
  auto file = files_.open(path(segment), OpenMode::read_write);
  if (!file) return file.error();
  if (auto cut = (*file)->truncate(size); !cut) return cut;
  known->second = size;
  if (size == 0) sizes_.erase(known);
  return {};
}

Result<std::shared_ptr<File>> TransactionIndex::open_to_sync(Offset segment) const {
  if (!sizes_.contains(segment)) return std::shared_ptr<File>();
  return files_.open(path(segment), OpenMode::read_write);
}

}  // namespace gregor
