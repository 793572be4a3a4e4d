#include "broker/api/fetch_down_conversion.h"

#include <algorithm>

#include "broker/record/batch.h"

namespace gregor {
namespace {

constexpr int16_t kFirstWithMagic1 = 2;

/// The bytes of all slices, fewer where a file was cut meanwhile.
Result<Buffer> read_slices(const LogRead& found) {
  Buffer bytes;
  bytes.reserve(found.size_bytes);
  for (const FileSlice& slice : found.slices) {
    size_t before = bytes.size();
    bytes.extend(slice.size);
    auto count = slice.file->read_at(slice.position, bytes.span().subspan(before));
    if (!count) return count.error();
    bytes.resize(before + *count);
    if (*count < slice.size) break;
  }
  return bytes;
}

/// The records of the whole batches of magic 2 in `batches`.
uint64_t new_records_in(Bytes batches) {
  uint64_t records = 0;
  for (auto batch = BatchView::probe(batches); batch && batch->size() <= batches.size();
       batch = BatchView::probe(batches)) {
    if (!batch->is_legacy()) records += static_cast<uint64_t>(std::max(batch->record_count(), 0));
    batches = batches.subspan(batch->size());
  }
  return records;
}

}  // namespace

DownConversionRules down_conversion_rules(int16_t version, Offset fetch_offset, const LogRead& found) {
  DownConversionRules rules;
  rules.to_magic = version < kFirstWithMagic1 ? 0 : 1;
  rules.first_wanted = fetch_offset;
  rules.max_size = found.size_bytes;
  return rules;
}

Task<Result<DownConverted>> down_converted(BackgroundPool& pool, LogRead found, DownConversionRules rules) {
  auto read_and_convert = [&found, &rules]() -> Result<DownConverted> {
    auto batches = read_slices(found);
    if (!batches) return batches.error();
    auto message_set = convert_down(batches->view(), rules);
    if (!message_set) return message_set.error();
    return DownConverted{std::move(*message_set), new_records_in(batches->view())};
  };
  Result<DownConverted> converted = co_await in_background(pool, read_and_convert);
  co_return converted;
}

}  // namespace gregor
