// Record batches of every magic as they come from producers and out of log files: checking, reading, converting in
// both directions, compressing anew; and the decompressors, which must stay within their bounds.
//
// Input: what to do (see Task), options, then records, compressed bytes or plain bytes.

#include <algorithm>
#include <string>
#include <vector>

#include "broker/record/builder.h"
#include "broker/record/conversion.h"
#include "broker/record/end_marker.h"
#include "broker/record/legacy_reader.h"
#include "broker/record/recompression.h"
#include "broker/record/record_reader.h"
#include "broker/record/record_stream.h"
#include "broker/record/validation.h"
#include "broker/types/error_code.h"
#include "tests/fuzz/batch_repair.h"
#include "tests/fuzz/fuzz_input.h"

namespace gregor {
namespace {

constexpr size_t kMaxPlainSize = 1 << 20;
constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr Compression kCodecs[] = {Compression::none, Compression::gzip, Compression::snappy, Compression::lz4,
                                   Compression::zstd};

/// What of a record every form of it has.
struct PlainRecord {
  int64_t offset = 0;
  int64_t timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;

  friend bool operator==(const PlainRecord&, const PlainRecord&) = default;
};

std::optional<std::string> owned(const std::optional<Bytes>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

template <class Reader>
Result<std::vector<PlainRecord>> read_all(Result<Reader> reader) {
  if (!reader) return reader.error();
  std::vector<PlainRecord> records;
  while (true) {
    auto record = reader->next();
    if (!record) {
      ASSERT(!record.error().message.empty());
      auto after = reader->next();
      ASSERT(after.ok() && !*after);
      return record.error();
    }
    if (!*record) return records;
    records.push_back(
        {(*record)->offset.value, (*record)->timestamp, owned((*record)->key), owned((*record)->value)});
  }
}

Result<std::vector<PlainRecord>> records_of(const BatchView& batch) {
  return batch.is_legacy() ? read_all(LegacyReader::open(batch, kMaxPlainSize))
                           : read_all(RecordReader::open(batch, kMaxPlainSize));
}

Result<std::vector<PlainRecord>> records_of_all(Bytes batches) {
  std::vector<PlainRecord> records;
  BatchIterator rest(batches);
  while (auto batch = rest.next()) {
    auto more = records_of(*batch);
    if (!more) return more.error();
    records.insert(records.end(), more->begin(), more->end());
  }
  ASSERT(rest.rest().empty());
  return records;
}

ProduceRules produce_rules(uint8_t options) {
  ProduceRules rules;
  rules.now_ms = kNowMs;
  rules.max_plain_size = kMaxPlainSize;
  rules.needs_keys = options & 1;
  rules.allows_zstd = !(options & 2);
  if (options & 4) rules.timestamp_type = TimestampType::log_append_time;
  if (options & 8) rules.timestamp_before_max_ms = rules.timestamp_after_max_ms = 86'400'000;
  return rules;
}

/// What a consumer that knows only `magic` is given for batches that a broker holds.
void check_down_conversion(Bytes batches, int8_t magic, const std::vector<PlainRecord>* expected) {
  DownConversionRules rules;
  rules.to_magic = magic;
  rules.max_plain_size = kMaxPlainSize;
  auto set = convert_down(batches, rules);
  if (!set || expected == nullptr) return;
  auto records = records_of_all(set->view());
  ASSERT(records.ok() && records->size() == expected->size());
  for (size_t i = 0; i < expected->size(); ++i) {
    PlainRecord wanted = (*expected)[i];
    if (magic == 0) wanted.timestamp = kNoTimestamp;
    ASSERT((*records)[i] == wanted);
  }
}

/// A batch that a broker took: everything can be done with it.
void check_valid(Bytes batch, const ProduceRules& rules) {
  auto view = BatchView::probe(batch);
  ASSERT(view && view->size() == batch.size() && view->is_intact());
  auto records = records_of(*view);
  ASSERT(records.ok() && records->size() == static_cast<size_t>(view->record_count()));
  int64_t newest = kNoTimestamp;
  for (size_t i = 0; i < records->size(); ++i) {
    ASSERT((*records)[i].offset == static_cast<int64_t>(i));
    newest = std::max(newest, (*records)[i].timestamp);
  }
  ASSERT(view->max_timestamp() == newest);
  // Magic 1 has no room for the times before 1970 but for the one that stands for none.
  bool has_legacy_form = view->compression() != Compression::zstd;
  if (has_legacy_form) check_down_conversion(batch, 0, &*records);
  if (has_legacy_form) check_down_conversion(batch, 1, &*records);
  for (Compression codec : kCodecs) {
    ProduceRules wanted = rules;
    wanted.stored_in = CompressionTarget{codec};
    wanted.timestamp_type = TimestampType::create_time;
    wanted.max_message_bytes = 64 << 20;
    if (!needs_recompression(batch, wanted.stored_in)) continue;
    auto rewritten = recompress(batch, wanted);
    ASSERT(rewritten.has_value());
    auto again = BatchView::probe(rewritten->view());
    ASSERT(again && again->is_intact() && again->compression() == codec);
    auto same = records_of(*again);
    ASSERT(same.ok() && *same == *records);
  }
}

void produce(uint8_t options, Buffer records) {
  ProduceRules rules = produce_rules(options);
  ProduceValidation outcome = validate_produced(records.span(), rules);
  if (outcome.batch) {
    ASSERT(outcome.record_errors.empty());
    check_valid(records.view(), rules);
    return;
  }
  ASSERT(!outcome.batch.error().message.empty());
  for (const auto& error : outcome.record_errors) ASSERT(error.batch_index >= 0 && !error.message.empty());
}

void produce_of_old(uint8_t options, Bytes set) {
  UpConversionRules rules;
  rules.max_plain_size = kMaxPlainSize;
  if (options & 0x80) rules.stored_in = CompressionTarget{kCodecs[(options & 0x7f) % std::size(kCodecs)]};
  auto converted = convert_up(set, rules);
  if (!converted) {
    ASSERT(!converted.error().message.empty());
    return;
  }
  auto batch = BatchView::probe(converted->view());
  ASSERT(batch && batch->size() == converted->size() && batch->is_intact());
  auto records = records_of(*batch);
  auto before = records_of_all(set);
  ASSERT(records.ok() && before.ok() && records->size() == before->size());
  for (size_t i = 0; i < records->size(); ++i) {
    ASSERT((*records)[i].key == (*before)[i].key && (*records)[i].value == (*before)[i].value);
    ASSERT((*records)[i].timestamp == (*before)[i].timestamp);
  }
  if (is_message_set(set)) check_down_conversion(set, 1, nullptr);
}

/// Bytes of a log file: whole batches that may say anything.
void read_stored(Bytes batches) {
  BatchIterator rest(batches);
  while (auto batch = rest.next()) {
    (void)records_of(*batch);
    (void)batch->is_intact();
    if (batch->is_legacy()) continue;
    RecordStream stream(batch->compression(), batch->payload(), kMaxPlainSize);
    while (stream.ok() && !stream.at_end()) read_record_shape(stream);
    if (batch->is_control()) (void)read_end_marker(*batch);
  }
  for (int8_t magic : {0, 1}) check_down_conversion(batches, magic, nullptr);
}

void decompress_any(uint8_t options, Bytes compressed) {
  Compression codec = kCodecs[options % std::size(kCodecs)];
  auto whole = decompress(codec, compressed, kMaxPlainSize);
  constexpr size_t kPiece = 64 << 10;
  if (whole) ASSERT(whole->size() <= kMaxPlainSize);
  // The same in small pieces, as far as it goes.
  auto source = Decompressor::create(codec, compressed);
  Buffer plain;
  uint8_t window[97];
  while (plain.size() <= kMaxPlainSize + kPiece) {
    auto count = source->read(window);
    if (!count) {
      ASSERT(!whole);
      return;
    }
    if (*count == 0) break;
    plain.append(Bytes(window).first(*count));
  }
  if (whole) ASSERT(as_text(whole->view()) == as_text(plain.view()));
}

void compress_any(uint8_t options, Bytes plain) {
  // 1 to 9 are levels of every codec.
  CompressionTarget target{kCodecs[options % std::size(kCodecs)], 1 + (options >> 4) % 9};
  if (options >> 4 == 0xf) target.level = kDefaultLevel;
  Buffer compressed = compress(target, plain);
  auto back = decompress(target.codec, compressed.view(), plain.size());
  ASSERT(back.ok() && as_text(back->view()) == as_text(plain));
}

/// A batch whose records are compressed here, so that the fuzzer sees through the codec.
Buffer compressed_batch(Bytes batch) {
  Buffer made = Buffer::copy_of(batch);
  auto view = BatchView::probe(batch);
  if (!view || view->is_legacy() || view->compression() > Compression::zstd) return made;
  Buffer payload = compress({view->compression()}, batch.subspan(batch_layout::kHeaderSize));
  made.resize(batch_layout::kHeaderSize);
  made.append(payload.view());
  store_big_endian(made.data() + batch_layout::kLength,
                   static_cast<int32_t>(made.size() - batch_layout::kPrefixSize));
  return made;
}

enum Task : uint8_t { produced, produced_plain, message_set, stored, decompressed, plain, tasks };

}  // namespace
}  // namespace gregor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gregor;  // NOLINT: the one function outside
  fuzz::be_quiet();
  fuzz::FuzzInput input({data, size});
  uint8_t what = input.byte();
  uint8_t options = input.byte();
  auto task = (what & 0x7f) % tasks;
  bool is_as_it_is = what & 0x80;  // checksums too
  if (task == decompressed) {
    decompress_any(options, input.rest());
    return 0;
  }
  if (task == plain) {
    compress_any(options, input.rest());
    return 0;
  }
  Buffer records = task == produced_plain ? compressed_batch(input.rest()) : Buffer::copy_of(input.rest());
  if (!is_as_it_is) fuzz::repair_lengths_and_checksums(records.span());
  if (task == produced || task == produced_plain) produce(options, std::move(records));
  if (task == message_set) produce_of_old(options, records.view());
  if (task == stored) read_stored(records.view());
  return 0;
}
