// Bytes inside a segment that are no batch: what FileLogInputStream answers with CorruptRecordException.
#include <gmock/gmock.h>

#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Forty batches of one record in segments of ten, an index entry for about every third.
class LogDamageTest : public LogTest {
 protected:
  LogDamageTest() {
    config_.index_interval_bytes = 2 * kBatchSize;
    config_.segment_size_bytes = 10 * kBatchSize;
    fill();
  }
  static constexpr size_t kValueSize = 60;
  static constexpr size_t kBatchSize = 61 + 11 + kValueSize;

  void fill() {
    log_.reset();
    std::filesystem::remove_all(directory());
    open();
    for (int i = 0; i < 40; ++i) append(1, kValueSize, 1000 + i);
  }
  void overwrite(int64_t base_offset, size_t position, const std::string& bytes) {
    std::string path = file(Offset(base_offset), ".log");
    std::string text = read_all(path);
    ASSERT_EQ(text.size(), 10 * kBatchSize);
    write_all(path, text.replace(position, bytes.size(), bytes));
  }
  ErrorCode error_at(int64_t from) {
    auto found = log_->read(Offset(from), log_->log_end_offset(), 1 << 20, true);
    return found ? ErrorCode::none : kafka_code(found.error().code);
  }
};

TEST_F(LogDamageTest, AHoleIsAnErrorThatNamesItsPlaceAndEverythingElseIsRead) {
  std::string whole = read_all(file(Offset(10), ".log"));
  std::string ones(kBatchSize, '\xff');
  std::string too_long = whole.substr(0, kBatchSize);
  too_long.replace(batch_layout::kLength, 4, "\x7f\0\0\0", 4);
  for (const std::string& hole : {std::string(kBatchSize, '\0'), ones, std::string(kBatchSize, 'x'), too_long}) {
    fill();
    overwrite(10, 3 * kBatchSize, hole);
    auto damaged = log_->read(Offset(13), Offset(40), 1 << 20, true);
    ASSERT_FALSE(damaged.ok());
    EXPECT_TRUE(damaged.error().is(ErrorCode::corrupt_message)) << damaged.error().message;
    EXPECT_THAT(damaged.error().message, HasSubstr(file(Offset(10), ".log")));
    EXPECT_THAT(damaged.error().message, HasSubstr("position " + std::to_string(3 * kBatchSize)));
    EXPECT_EQ(error_at(13), ErrorCode::corrupt_message);
    for (int64_t before : {0, 9, 10, 11, 12}) {
      EXPECT_EQ(batches_from(Offset(before), Offset(40), 1).front(), before);
    }
    EXPECT_THAT(batches_from(Offset(10), Offset(40), kBatchSize * 3), ElementsAre(10, 11, 12));
    for (int64_t behind : {19, 20, 39}) EXPECT_EQ(batches_from(Offset(behind), Offset(40), 1).front(), behind);
    EXPECT_EQ(append(1, kValueSize).first_offset, Offset(40)) << "what is appended has nothing to do with it";
  }
}

TEST_F(LogDamageTest, AReadThatEndsBehindTheDamageEndsBeforeIt) {
  overwrite(10, 3 * kBatchSize, std::string(kBatchSize, '\0'));
  // The end is looked for on the way over the hole.
  EXPECT_THAT(batches_from(Offset(10), Offset(14)), ElementsAre(10, 11, 12));
}

TEST_F(LogDamageTest, AHoleInTheLastSegmentIsAnErrorToo) {
  // Until the end that a fetch waits at: the active segment finds recent batches without its file.
  reopen_clean();
  ASSERT_EQ(log_->segment_base_offsets().back(), Offset(30));
  overwrite(30, 1 * kBatchSize, std::string(kBatchSize, '\0'));
  EXPECT_EQ(error_at(31), ErrorCode::corrupt_message);
  EXPECT_EQ(batches_from(Offset(30), Offset(40), 1).front(), 30);
  EXPECT_EQ(batches_from(Offset(39), Offset(40), 1).front(), 39);
}

TEST_F(LogDamageTest, ALastSegmentWhoseEndCannotBeFoundIsCutAtTheNextStart) {
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  overwrite(30, 9 * kBatchSize, std::string(kBatchSize, '\0'));
  open({.clean_shutdown = true});
  EXPECT_EQ(log_->log_end_offset(), Offset(39));
  EXPECT_EQ(append(1, kValueSize).first_offset, Offset(39));
  EXPECT_THAT(batches_from(Offset(38)), ElementsAre(38, 39));
}

TEST_F(LogDamageTest, LookingForATimeBehindDamageIsAnError) {
  overwrite(10, 1 * kBatchSize, std::string(kBatchSize, '\0'));
  EXPECT_EQ((*log_->offset_for_timestamp(1009))->offset, Offset(9));
  auto damaged = log_->offset_for_timestamp(1011);
  ASSERT_FALSE(damaged.ok());
  EXPECT_TRUE(damaged.error().is(ErrorCode::corrupt_message));
  EXPECT_EQ((*log_->offset_for_timestamp(1025))->offset, Offset(25));
}

TEST_F(LogDamageTest, ZerosThatWerePreallocatedAreNoDamage) {
  config_.preallocate = true;
  log_->set_config(config_);
  ASSERT_TRUE(log_->roll().ok());
  append(1, kValueSize);
  ASSERT_GT(std::filesystem::file_size(file(Offset(40), ".log")), kBatchSize);
  EXPECT_THAT(batches_from(Offset(40)), ElementsAre(40));
  EXPECT_EQ(error_at(41), ErrorCode::none);
  reopen_unclean(Offset(41));
  EXPECT_EQ(log_->log_end_offset(), Offset(41));
  EXPECT_EQ(error_at(41), ErrorCode::none);
}

}  // namespace
}  // namespace gregor
