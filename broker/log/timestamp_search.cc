#include "broker/log/timestamp_search.h"

#include "broker/record/legacy_reader.h"
#include "broker/record/record_reader.h"

namespace gregor {
namespace {

using Found = std::optional<TimestampedOffset>;

/// The first record that `reader` comes to and that qualifies.
template <class Reader>
Result<Found> find_in_records(Reader reader, LeaderEpoch epoch, int64_t timestamp, Offset start_offset) {
  if (!reader) return reader.error();
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) return Found();
    const RecordView& view = **record;
    if (view.timestamp < timestamp || view.offset < start_offset) continue;
    return Found({view.offset, view.timestamp, epoch});
  }
}

Result<Found> find_in_batch(const BatchView& batch, int64_t timestamp, Offset start_offset) {
  if (batch.magic() == 0) return Found();  // has no timestamps
  if (batch.is_legacy()) return find_in_records(LegacyReader::open(batch), kNoEpoch, timestamp, start_offset);
  return find_in_records(RecordReader::open(batch), batch.leader_epoch(), timestamp, start_offset);
}

Result<Found> find_in_segment(Segment& segment, int64_t timestamp, Offset start_offset) {
  auto time = segment.time_index().lookup(timestamp);
  if (!time) return time.error();
  auto entry = segment.offset_index().lookup(std::max(time->offset, start_offset));
  if (!entry) return entry.error();
  auto headers = segment.scan(entry->position, BatchScanner::Depth::headers);
  if (!headers) return headers.error();
  while (true) {
    auto found = headers->next();
    if (!found) return found.error();
    if (!*found && headers->position() < segment.size()) return segment.damage_at(headers->position());
    if (!*found) return Found();
    const BatchView& header = (*found)->batch;
    if (header.max_timestamp() < timestamp || header.last_offset() < start_offset) continue;
    auto whole = segment.scan((*found)->position, BatchScanner::Depth::whole);
    if (!whole) return whole.error();
    auto batch = whole->next();
    if (!batch) return batch.error();
    if (!*batch) return segment.damage_at((*found)->position);
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
  int64_t greatest = kNoTimestamp;
  for (const auto& segment : segments) {
    auto largest = segment->max_timestamp();
    if (!largest) return largest.error();
    if (latest != nullptr && largest->timestamp <= greatest) continue;
    greatest = largest->timestamp;
    latest = segment.get();
  }
  if (latest == nullptr) return std::optional<TimestampedOffset>();
  return find_in_segment(*latest, greatest, latest->base_offset());
}

}  // namespace gregor
