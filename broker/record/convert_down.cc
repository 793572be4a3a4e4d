#include <fmt/format.h>

#include "broker/record/conversion.h"
#include "broker/record/legacy_builder.h"
#include "broker/record/legacy_reader.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

/// RecordReader and LegacyReader read alike.
template <class Reader>
Result<Buffer> rewrite(Result<Reader> reader, const LegacyOptions& options, Offset first_wanted) {
  if (!reader) return reader.error();
  LegacyBuilder builder(options);
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) return builder.build();
    const RecordView& view = **record;
    bool is_wanted = options.codec != Compression::none || view.offset >= first_wanted;
    if (is_wanted) builder.add(view.offset, view.timestamp, view.key, view.value);
  }
}

/// The message set that one batch becomes; empty when nothing of it is wanted.
Result<Buffer> convert(const BatchView& batch, const DownConversionRules& rules) {
  if (batch.magic() <= rules.to_magic) return Buffer::copy_of(batch.bytes());
  LegacyOptions options{rules.to_magic, batch.compression(), batch.timestamp_type()};
  if (batch.is_legacy()) {
    return rewrite(LegacyReader::open(batch, rules.max_plain_size), options, rules.first_wanted);
  }
  if (batch.is_control()) return Buffer();
  if (batch.compression() >= Compression::zstd) {
    return Error{ErrorCode::unsupported_compression_type, "zstd came with magic 2; older clients can't read it"};
  }
  // The new checksums would hide it from the consumer that the old one is wrong.
  if (!batch.is_intact()) {
    return Error{ErrorCode::corrupt_message,
                 fmt::format("the checksum of the batch at offset {} is wrong", batch.base_offset().value)};
  }
  return rewrite(RecordReader::open(batch, rules.max_plain_size), options, rules.first_wanted);
}

}  // namespace

Result<Buffer> convert_down(Bytes batches, const DownConversionRules& rules) {
  Buffer messages;
  BatchIterator rest(batches);
  while (auto batch = rest.next()) {
    auto converted = convert(*batch, rules);
    if (!converted && messages.empty()) return converted.error();
    if (!converted) break;
    if (messages.empty()) {
      messages = std::move(*converted);
    } else if (messages.size() + converted->size() <= rules.max_size) {
      messages.append(converted->view());
    } else {
      break;
    }
  }
  return messages;
}

}  // namespace gregor
