// The bytes of a segment's files, against layouts written by hand from docs/formats.md.
#include "log_fixture.h"

namespace gregor {
namespace {

class SegmentFilesTest : public LogTest {
 protected:
  static std::string int32_bytes(int32_t value) {
    std::string bytes(4, 0);
    store_big_endian(reinterpret_cast<uint8_t*>(bytes.data()), value);
    return bytes;
  }
  static std::string int64_bytes(int64_t value) {
    return int32_bytes(static_cast<int32_t>(value >> 32)) + int32_bytes(static_cast<int32_t>(value));
  }
};

TEST_F(SegmentFilesTest, AreNamedByTwentyDigitsAndHoldTheBatches) {
  open();
  append(3);
  std::string bytes = read_all(directory() + "/00000000000000000000.log");
  EXPECT_EQ(bytes, bytes_from(Offset(0)));
  auto batch = BatchView::probe(as_bytes(bytes));
  EXPECT_EQ(batch->base_offset(), Offset(0));
  EXPECT_EQ(batch->leader_epoch(), LeaderEpoch(0));
  EXPECT_TRUE(std::filesystem::exists(directory() + "/00000000000000000000.index"));
  EXPECT_TRUE(std::filesystem::exists(directory() + "/00000000000000000000.timeindex"));
  EXPECT_EQ(read_all(directory() + "/leader-epoch-checkpoint"), "0\n1\n0 0\n");
}

TEST_F(SegmentFilesTest, IndexAnAppendOnlyAfterMoreThanTheInterval) {
  config_.index_interval_bytes = 200;
  open();
  auto size = static_cast<int32_t>(append(2, 30, 1000).size_bytes);
  ASSERT_GT(3 * size, 200 + size);
  ASSERT_LE(size, 200);
  append(2, 30, 1010), append(2, 30, 1005), append(2, 30, 1020);
  ASSERT_TRUE(log_->close().ok());
  // The first append behind more than 200 bytes is the third (of 2 * size bytes) or later, by size.
  int appends_before = 200 / size + 1;
  int64_t greatest = appends_before == 2 ? 1011 : 1021;
  int32_t offset_of_greatest = appends_before == 2 ? 3 : 7;
  EXPECT_EQ(read_all(file(Offset(0), ".index")),
            int32_bytes(2 * appends_before + 1) + int32_bytes(appends_before * size));
  std::string time_index = int64_bytes(greatest) + int32_bytes(offset_of_greatest);
  if (appends_before == 2) time_index += int64_bytes(1021) + int32_bytes(7);
  EXPECT_EQ(read_all(file(Offset(0), ".timeindex")), time_index);
}

TEST_F(SegmentFilesTest, GetALastTimeIndexEntryOnRoll) {
  open();
  append(1, 10, 1000), append(1, 10, 900);
  ASSERT_TRUE(log_->roll().ok());
  EXPECT_EQ(read_all(file(Offset(0), ".timeindex")), int64_bytes(1000) + int32_bytes(0));
  EXPECT_EQ(read_all(file(Offset(0), ".index")), "");
  EXPECT_TRUE(std::filesystem::exists(file(Offset(2), ".log")));
  ASSERT_TRUE(log_->roll().ok());
  EXPECT_EQ(log_->segment_count(), 2u) << "an empty segment is not rolled";
}

TEST_F(SegmentFilesTest, FindEveryOffsetThroughTheIndex) {
  config_.index_interval_bytes = 300;
  config_.segment_size_bytes = 200000;
  open();
  for (int i = 0; i < 3000; ++i) append(2, 40);
  EXPECT_GT(log_->segment_count(), 2u);
  for (bool reopened : {false, true}) {
    if (reopened) reopen_clean();
    for (int64_t offset = 0; offset < 6000; offset += 37) {
      auto found = batches_from(Offset(offset), Offset(INT64_MAX), 1, true);
      ASSERT_EQ(found.size(), 1u);
      EXPECT_EQ(found[0], offset / 2 * 2);
    }
  }
}

}  // namespace
}  // namespace gregor
