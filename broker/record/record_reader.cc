#include "broker/record/record_reader.h"

#include "broker/record/compression.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

std::optional<Bytes> read_nullable(ByteReader& reader) {
  int32_t size = reader.read_varint();
  if (size == -1) return std::nullopt;
  if (size < -1) reader.fail();
  return reader.read_bytes(static_cast<size_t>(std::max(size, 0)));
}

}  // namespace

RecordReader::RecordReader(const BatchView& batch, Buffer plain)
    : batch_(batch),
      plain_(std::move(plain)),
      rest_(batch.compression() == Compression::none ? batch.payload() : plain_.view()),
      left_(batch.record_count()) {}

Result<RecordReader> RecordReader::open(const BatchView& batch, size_t max_size) {
  ASSERT(batch.is_whole());
  if (batch.is_legacy()) return Error{ErrorCode::unsupported_for_message_format, "a message set of magic 0 or 1"};
  if (batch.compression() == Compression::none) return RecordReader(batch, Buffer());
  auto plain = decompress(batch.compression(), batch.payload(), max_size);
  if (!plain) return plain.error();
  return RecordReader(batch, std::move(*plain));
}

RecordView RecordReader::read_record(ByteReader& record) {
  RecordView view;
  record.skip(1);  // attributes, of which none is in use
  auto delta = static_cast<uint64_t>(record.read_varlong());
  view.timestamp = batch_.timestamp_type() == TimestampType::log_append_time
                       ? batch_.max_timestamp()
                       : static_cast<int64_t>(static_cast<uint64_t>(batch_.base_timestamp()) + delta);
  view.offset = batch_.base_offset() + record.read_varint();
  view.key = read_nullable(record);
  view.value = read_nullable(record);
  int32_t header_count = record.read_varint();
  if (header_count < 0) record.fail();
  for (int32_t i = 0; i < header_count && record.ok(); ++i) {
    auto key = read_nullable(record);
    if (!key) record.fail();
    view.headers.push_back({as_text(key.value_or(Bytes())), read_nullable(record)});
  }
  return view;
}

Result<std::optional<RecordView>> RecordReader::next() {
  if (left_ <= 0) return std::optional<RecordView>();
  --left_;
  int32_t size = rest_.read_varint();
  if (size < 0) rest_.fail();
  ByteReader record(rest_.read_bytes(static_cast<size_t>(std::max(size, 0))));
  RecordView view = read_record(record);
  if (rest_.ok() && record.ok() && record.remaining() == 0) return std::optional<RecordView>(std::move(view));
  left_ = 0;
  return Error{ErrorCode::invalid_record,
               "a record of the batch at offset " + std::to_string(batch_.base_offset().value) + " is malformed"};
}

}  // namespace gregor
