#include <fmt/format.h>

#include "broker/record/builder.h"
#include "broker/record/conversion.h"
#include "broker/record/legacy_reader.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

Error invalid(std::string why) { return {ErrorCode::invalid_record, std::move(why)}; }

std::optional<std::string_view> text_of(std::optional<Bytes> bytes) {
  if (!bytes) return std::nullopt;
  return as_text(*bytes);
}

/// The first message decides on magic, codec and timestamp type.
Result<void> check_entry(const BatchView& entry, const BatchView& first, size_t set_size,
                         const UpConversionRules& rules) {
  if (entry.magic() != first.magic()) return invalid("the message set mixes magic 0 and 1");
  if (entry.compression() != Compression::none && entry.size() != set_size) {
    return invalid("a compressed message must be the only one of its set");
  }
  if (entry.size() > rules.max_message_bytes) {
    return Error{ErrorCode::message_too_large, fmt::format("a message has {} bytes, more than the {} allowed",
                                                           entry.size(), rules.max_message_bytes)};
  }
  return {};
}

BatchOptions options_of(const BatchView& first, const UpConversionRules& rules) {
  BatchOptions options;
  CompressionTarget target = rules.stored_in.value_or(CompressionTarget{first.compression()});
  options.codec = target.codec;
  options.level = target.level;
  if (first.magic() == 1) options.timestamp_type = first.timestamp_type();
  return options;
}

Result<void> add_all(const BatchView& entry, const UpConversionRules& rules, BatchBuilder& builder) {
  auto reader = LegacyReader::open(entry, rules.max_plain_size);
  if (!reader) return reader.error();
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) return {};
    const RecordView& view = **record;
    if (view.timestamp < kNoTimestamp) {
      return Error{ErrorCode::invalid_timestamp, fmt::format("timestamp {} is negative", view.timestamp)};
    }
    builder.add(view.timestamp, text_of(view.key), text_of(view.value));
  }
}

}  // namespace

bool is_message_set(Bytes records) {
  return records.size() >= batch_layout::kProbeSize && records[batch_layout::kMagic] < 2;
}

Result<Buffer> convert_up(Bytes message_set, const UpConversionRules& rules) {
  Bytes rest = message_set;
  auto first = take_message(rest);
  if (!first) return first.error();
  BatchBuilder builder(options_of(*first, rules));
  for (rest = message_set; !rest.empty();) {
    auto entry = take_message(rest);
    if (!entry) return entry.error();
    if (auto checked = check_entry(*entry, *first, message_set.size(), rules); !checked) return checked.error();
    if (auto added = add_all(*entry, rules, builder); !added) return added.error();
  }
  return builder.build();
}

}  // namespace gregor
