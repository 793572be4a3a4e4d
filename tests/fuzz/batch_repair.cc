#include "tests/fuzz/batch_repair.h"

#include <zlib.h>

#include "broker/record/batch.h"

namespace gregor::fuzz {

using namespace batch_layout;

namespace {

void repair(std::span<uint8_t> entry, bool is_legacy) {
  if (!is_legacy) return patch_crc(entry);
  auto summed = entry.subspan(kMagic);
  store_big_endian(entry.data() + kPrefixSize, static_cast<uint32_t>(::crc32_z(0, summed.data(), summed.size())));
}

void repair_all(std::span<uint8_t> records, bool with_last_length) {
  while (auto entry = BatchView::probe(records)) {
    if (!entry->is_whole()) {
      if (!with_last_length) return;
      store_big_endian(records.data() + kLength, static_cast<int32_t>(records.size() - kPrefixSize));
      entry = BatchView::probe(records);
    }
    repair(records.first(entry->size()), entry->is_legacy());
    records = records.subspan(entry->size());
  }
}

}  // namespace

void repair_lengths_and_checksums(std::span<uint8_t> records) { repair_all(records, true); }
void repair_checksums(std::span<uint8_t> records) { repair_all(records, false); }

}  // namespace gregor::fuzz
