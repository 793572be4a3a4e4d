#include "broker/api/fetch_down_conversion.h"

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

}  // namespace

DownConversionRules down_conversion_rules(int16_t version, Offset fetch_offset, const LogRead& found) {
  DownConversionRules rules;
  rules.to_magic = version < kFirstWithMagic1 ? 0 : 1;
  rules.first_wanted = fetch_offset;
  rules.max_size = found.size_bytes;
  return rules;
}

Task<Result<Buffer>> down_converted(BackgroundPool& pool, LogRead found, DownConversionRules rules) {
  auto read_and_convert = [&found, &rules]() -> Result<Buffer> {
    auto batches = read_slices(found);
    if (!batches) return batches.error();
    return convert_down(batches->view(), rules);
  };
  Result<Buffer> converted = co_await in_background(pool, read_and_convert);
  co_return converted;
}

}  // namespace gregor
