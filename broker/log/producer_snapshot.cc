#include "broker/log/producer_snapshot.h"

#include <fmt/format.h>

#include "broker/record/crc32c.h"
#include "broker/types/error_code.h"
#include "runtime/byte_reader.h"
#include "runtime/byte_writer.h"

namespace gregor {
namespace {

constexpr int16_t kVersion = 1;
constexpr size_t kCrcPosition = 2;
constexpr size_t kCrcEnd = 6;
constexpr size_t kEntrySize = 46;

void write_entry(ByteWriter& writer, int64_t producer_id, const ProducerEntry& entry) {
  const ProducedBatch* last = entry.last_batch();
  writer.write_int64(producer_id);
  writer.write_int16(entry.epoch());
  writer.write_int32(entry.last_sequence());
  writer.write_int64(last == nullptr ? kNoOffset.value : last->last_offset.value);
  writer.write_int32(last == nullptr ? 0 : last->offset_delta);
  writer.write_int64(entry.last_timestamp());
  writer.write_int32(entry.coordinator_epoch());
  writer.write_int64(entry.transaction_start().value_or(kNoOffset).value);
}

std::pair<int64_t, ProducerEntry> read_entry(ByteReader& reader) {
  int64_t producer_id = reader.read_int64();
  int16_t epoch = reader.read_int16();
  ProducedBatch last;
  last.last_sequence = reader.read_int32();
  last.last_offset = Offset(reader.read_int64());
  last.offset_delta = reader.read_int32();
  last.timestamp = reader.read_int64();
  int32_t coordinator_epoch = reader.read_int32();
  Offset transaction_start(reader.read_int64());
  ProducerEntry entry;
  entry.set_epoch(epoch);
  if (last.last_offset >= Offset(0)) entry.add(last);
  entry.end_transaction(coordinator_epoch, last.timestamp);
  if (transaction_start >= Offset(0)) entry.begin_transaction(transaction_start);
  return {producer_id, std::move(entry)};
}

Error corrupt(std::string why) { return {ErrorCode::corrupt_message, std::move(why)}; }

}  // namespace

Buffer encode_producer_snapshot(const ProducerState& state) {
  ByteWriter writer;
  writer.write_int16(kVersion);
  writer.write_uint32(0);  // the checksum, patched below
  writer.write_int32(static_cast<int32_t>(state.producers().size()));
  for (const auto& [producer_id, entry] : state.producers()) write_entry(writer, producer_id, entry);
  Buffer bytes = writer.take();
  store_big_endian(bytes.data() + kCrcPosition, crc32c(bytes.view().subspan(kCrcEnd)));
  return bytes;
}

Result<std::vector<std::pair<int64_t, ProducerEntry>>> decode_producer_snapshot(Bytes bytes) {
  ByteReader reader(bytes);
  int16_t version = reader.read_int16();
  uint32_t stored_crc = reader.read_uint32();
  Bytes summed = reader.rest();
  int32_t count = reader.read_int32();
  if (!reader.ok()) return corrupt(fmt::format("{} bytes are too few for a header", bytes.size()));
  if (version != kVersion) return corrupt(fmt::format("unknown version {}", version));
  if (uint32_t crc = crc32c(summed); crc != stored_crc) {
    return corrupt(fmt::format("stored checksum {:08x}, computed {:08x}", stored_crc, crc));
  }
  if (count < 0 || static_cast<size_t>(count) > reader.remaining() / kEntrySize) {
    return corrupt(fmt::format("{} producers claimed in {} bytes", count, reader.remaining()));
  }
  std::vector<std::pair<int64_t, ProducerEntry>> producers;
  producers.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) producers.push_back(read_entry(reader));
  return producers;
}

}  // namespace gregor
