#include "broker/log/time_index.h"

namespace gregor {

Result<TimestampOffset> TimeIndex::entry_before(uint64_t index) {
  if (index == 0) return TimestampOffset{-1, file_.base_offset()};
  uint8_t bytes[kEntrySize];
  if (auto got = file_.read(index - 1, bytes); !got) return got.error();
  return TimestampOffset{load_big_endian<int64_t>(bytes),
                         file_.base_offset() + load_big_endian<int32_t>(bytes + 8)};
}

Result<TimestampOffset> TimeIndex::last_entry() {
  if (last_) return *last_;
  auto last = entry_before(file_.entry_count());
  if (last) last_ = *last;
  return last;
}

Result<void> TimeIndex::append_if_later(TimestampOffset entry) {
  auto last = last_entry();
  if (!last) return last.error();
  if (entry.timestamp <= last->timestamp) return {};
  uint8_t bytes[kEntrySize];
  store_big_endian(bytes, entry.timestamp);
  store_big_endian(bytes + 8, static_cast<uint32_t>(entry.offset - file_.base_offset()));
  last_ = entry;
  return file_.append(bytes);
}

Result<TimestampOffset> TimeIndex::lookup(int64_t timestamp) {
  auto count =
      file_.partition_point([timestamp](const uint8_t* at) { return load_big_endian<int64_t>(at) <= timestamp; });
  if (!count) return count.error();
  return entry_before(*count);
}

Result<void> TimeIndex::truncate_to(Offset offset) {
  int64_t relative = offset - file_.base_offset();
  auto count =
      file_.partition_point([relative](const uint8_t* at) { return load_big_endian<int32_t>(at + 8) < relative; });
  if (!count) return count.error();
  last_.reset();
  return file_.truncate(*count);
}

}  // namespace gregor
