#include "broker/log/timestamp_search.h"

#include "broker/record/record_reader.h"

namespace gregor {
namespace {

/// The first record of `batch` that qualifies. An entry of magic 0 or 1 is answered as a whole.
Result<std::optional<TimestampedOffset>> find_in_batch(const BatchView& batch, int64_t timestamp,
                                                       Offset start_offset) {
  using Found = std::optional<TimestampedOffset>;
  if (batch.is_legacy()) return Found({batch.last_offset(), batch.max_timestamp(), kNoEpoch});
  auto reader = RecordReader::open(batch);
  if (!reader) return reader.error();
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) return Found();
    const RecordView& view = **record;
    if (view.timestamp < timestamp || view.offset < start_offset) continue;
    return Found({view.offset, view.timestamp, batch.leader_epoch()});
  }
}

Result<std::optional<TimestampedOffset>> find_in_segment(Segment& segment, int64_t timestamp, Offset start_offset) {
  using Found = std::optional<TimestampedOffset>;
  auto time = segment.time_index().lookup(timestamp);
  if (!time) return time.error();
  auto entry = segment.offset_index().lookup(std::max(time->offset, start_offset));
  if (!entry) return entry.error();
  auto headers = segment.scan(entry->position, BatchScanner::Depth::headers);
  if (!headers) return headers.error();
  while (true) {
    auto found = headers->next();
    if (!found) return found.error();
    if (!*found) return Found();
    const BatchView& header = (*found)->batch;
    if (header.max_timestamp() < timestamp || header.last_offset() < start_offset) continue;
    auto whole = segment.scan((*found)->position, BatchScanner::Depth::whole);
    if (!whole) return whole.error();
    auto batch = whole->next();
    if (!batch) return batch.error();
    if (!*batch) return Found();
    auto record = find_in_batch((*batch)->batch, timestamp, start_offset);
    if (!record || *record) return record;
  }
}

}  // namespace

Result<std::optional<TimestampedOffset>> find_timestamp(const Segments& segments, int64_t timestamp,
                                                        Offset start_offset) {
  for (const auto& segment : segments) {
    auto largest = segment->max_timestamp();
    if (!largest) return largest.error();
    if (largest->timestamp < timestamp) continue;
    auto found = find_in_segment(*segment, timestamp, start_offset);
    if (!found || *found) return found;
  }
  return std::optional<TimestampedOffset>();
}

Result<std::optional<TimestampedOffset>> find_max_timestamp(const Segments& segments) {
  Segment* latest = nullptr;
  int64_t greatest = -1;
  for (const auto& segment : segments) {
    auto largest = segment->max_timestamp();
    if (!largest) return largest.error();
    if (largest->timestamp <= greatest) continue;
    greatest = largest->timestamp;
    latest = segment.get();
  }
  if (latest == nullptr) return std::optional<TimestampedOffset>();
  return find_in_segment(*latest, greatest, latest->base_offset());
}

}  // namespace gregor
