#include "broker/record/end_marker.h"

#include <fmt/format.h>

#include "broker/record/record_reader.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr int16_t kAbort = 0;
constexpr int16_t kCommit = 1;
constexpr size_t kMaxMarkerSize = 1 << 16;

}  // namespace

Result<std::optional<EndMarker>> read_end_marker(const BatchView& batch) {
  auto reader = RecordReader::open(batch, kMaxMarkerSize);
  if (!reader) return reader.error();
  auto record = reader->next();
  if (!record) return record.error();
  if (!*record) return std::optional<EndMarker>();
  // Both begin with their version; newer ones may add fields behind those known here.
  ByteReader key((*record)->key.value_or(Bytes()));
  ByteReader value((*record)->value.value_or(Bytes()));
  int16_t key_version = key.read_int16();
  int16_t type = key.read_int16();
  int16_t value_version = value.read_int16();
  int32_t coordinator_epoch = value.read_int32();
  bool is_sound = key.ok() && value.ok() && key_version >= 0 && value_version >= 0;
  if (!is_sound || (type != kAbort && type != kCommit)) {
    return Error{ErrorCode::invalid_record,
                 fmt::format("the control record at offset {} ends no transaction", batch.base_offset().value)};
  }
  return std::optional<EndMarker>({type == kAbort, coordinator_epoch, (*record)->timestamp});
}

}  // namespace gregor
