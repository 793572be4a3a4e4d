#include "broker/log/offset_index.h"

namespace gregor {

Result<void> OffsetIndex::append(Entry entry) {
  uint8_t bytes[kEntrySize];
  store_big_endian(bytes, static_cast<uint32_t>(entry.offset - file_.base_offset()));
  store_big_endian(bytes + 4, entry.position);
  return file_.append(bytes);
}

Result<uint64_t> OffsetIndex::count_below(Offset offset) {
  int64_t relative = offset - file_.base_offset();
  return file_.partition_point([relative](const uint8_t* at) { return load_big_endian<int32_t>(at) < relative; });
}

Result<OffsetIndex::Entry> OffsetIndex::entry_before(uint64_t index) {
  if (index == 0) return Entry{file_.base_offset(), 0};
  uint8_t bytes[kEntrySize];
  if (auto got = file_.read(index - 1, bytes); !got) return got.error();
  return Entry{file_.base_offset() + load_big_endian<int32_t>(bytes), load_big_endian<uint32_t>(bytes + 4)};
}

Result<OffsetIndex::Entry> OffsetIndex::lookup(Offset offset) {
  auto count = count_below(offset + 1);
  if (!count) return count.error();
  return entry_before(*count);
}

Result<std::optional<Offset>> OffsetIndex::offset_beyond(uint64_t position) {
  auto count =
      file_.partition_point([position](const uint8_t* at) { return load_big_endian<uint32_t>(at + 4) < position; });
  if (!count) return count.error();
  if (*count == file_.entry_count()) return std::optional<Offset>();
  auto entry = entry_before(*count + 1);
  if (!entry) return entry.error();
  return std::optional<Offset>(entry->offset);
}

Result<void> OffsetIndex::truncate_to(Offset offset) {
  auto count = count_below(offset);
  if (!count) return count.error();
  return file_.truncate(*count);
}

}  // namespace gregor
