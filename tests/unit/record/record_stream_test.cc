#include "broker/record/record_stream.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "broker/record/builder.h"
#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr uint64_t kNoLimit = 1 << 30;

/// `plain` as a snappy stream of blocks so small that hardly any number lies in memory as a whole: what is read of
/// it is read byte by byte.
Buffer in_crumbs(Bytes plain, size_t block_bytes) {
  Buffer stream = Buffer::copy_of({xerial::kHeader, sizeof xerial::kHeader});
  while (!plain.empty()) {
    Bytes block = plain.subspan(0, std::min(block_bytes, plain.size()));
    plain = plain.subspan(block.size());
    auto size = static_cast<uint8_t>(block.size());
    const uint8_t head[] = {0, 0, 0, static_cast<uint8_t>(size + 2), size, static_cast<uint8_t>((size - 1) << 2)};
    stream.append(head);  // the block's length; its plain length; a literal of so many bytes
    stream.append(block);
  }
  return stream;
}

struct Outcome {
  std::vector<std::tuple<int64_t, int32_t, bool>> shapes;
  uint64_t end = 0;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(RecordStream& stream) {
  Outcome outcome;
  while (!stream.at_end()) {
    RecordShape shape = read_record_shape(stream);
    if (!stream.ok()) break;
    outcome.shapes.emplace_back(shape.timestamp_delta, shape.offset_delta, shape.has_key);
    outcome.end = stream.position();
  }
  if (!stream.ok()) outcome.error = stream.error().message;
  return outcome;
}

Outcome read_plain(Bytes records) {
  RecordStream stream(Compression::none, records, kNoLimit);
  return read_all(stream);
}

Outcome read_crumbs(Bytes records, size_t block_bytes) {
  Buffer crumbs = in_crumbs(records, block_bytes);
  RecordStream stream(Compression::snappy, crumbs.view(), kNoLimit);
  return read_all(stream);
}

std::vector<uint8_t> payload_of(BatchBuilder& builder) {
  Buffer batch = builder.build();
  Bytes payload = batch.view().subspan(batch_layout::kHeaderSize);
  return {payload.begin(), payload.end()};
}

/// Records with keys, values and headers of all kinds, and of every length of number.
std::vector<uint8_t> various_records() {
  BatchBuilder builder;
  const RecordHeader headers[] = {{"trace", "abc"}, {"empty", ""}, {"none", std::nullopt}};
  for (size_t length : {0, 1, 63, 64, 100, 8191, 8192}) {
    std::string text(length, 'v');
    auto time = static_cast<int64_t>(length * length * length);
    builder.add(time, std::nullopt, text).add(time, text, std::nullopt).add(time + 1, "", "", headers);
  }
  return payload_of(builder);
}

TEST(RecordStream, ReadsWhatTheBuilderWrote) {
  BatchBuilder builder;
  builder.add(1000, std::nullopt, "value").add(1000 + (int64_t{1} << 40), "key", std::nullopt);
  Outcome outcome = read_plain(payload_of(builder));
  EXPECT_EQ(outcome.shapes, (decltype(outcome.shapes){{0, 0, false}, {int64_t{1} << 40, 1, true}}));
  EXPECT_EQ(outcome.error, "");
}

TEST(RecordStream, ReadsTheSameWhetherRecordsLieInMemoryOrComeInCrumbs) {
  std::vector<uint8_t> records = various_records();
  Outcome plain = read_plain(records);
  EXPECT_EQ(plain.shapes.size(), 21u);
  EXPECT_EQ(plain.end, records.size());
  for (size_t block_bytes : {1, 2, 3, 7, 60}) EXPECT_EQ(read_crumbs(records, block_bytes), plain) << block_bytes;
}

TEST(RecordStream, FindsTheSameFaultInDamagedRecordsEitherWay) {
  std::mt19937 random(42);
  const std::vector<uint8_t> sound = various_records();
  size_t faulty = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> records(sound.begin(), sound.begin() + 700);
    for (int changes = 1 + i % 3; changes > 0; --changes) records[random() % 400] = static_cast<uint8_t>(random());
    if (i % 5 == 0) records.resize(random() % records.size());
    Outcome plain = read_plain(records);
    if (!plain.error.empty()) ++faulty;
    ASSERT_EQ(read_crumbs(records, 1 + random() % 8), plain) << "round " << i;
  }
  EXPECT_GT(faulty, 1000u);
}

TEST(RecordStream, TakesNumbersOfTheGreatestLength) {
  // A record that is nothing but numbers written longer than they need be: its length, 11, attributes, a time of
  // five bytes, an offset of two, no key, no value, no headers.
  std::vector<uint8_t> records{0x96, 0x80, 0x80, 0x80, 0x00, 0, 0x80, 0x80, 0x80, 0x80, 0x00, 0x80, 0x00, 1, 1, 0};
  Outcome plain = read_plain(records);
  EXPECT_EQ(plain.error, "");
  EXPECT_EQ(plain.shapes.size(), 1u);
  EXPECT_EQ(read_crumbs(records, 1), plain);
  records[4] = 0x80;
  EXPECT_NE(read_plain(records).error, "");
  EXPECT_EQ(read_crumbs(records, 1), read_plain(records));
}

}  // namespace
}  // namespace gregor
