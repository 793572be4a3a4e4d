// Logs that old producers filled: segments of magic 0 and 1, which no leader appends any more.
#include <gmock/gmock.h>
#include <zlib.h>

#include "broker/record/legacy_builder.h"
#include "log_fixture.h"

namespace gregor {
namespace {

using testing::ElementsAre;

struct Old {
  int64_t offset;
  int64_t timestamp;
};

class LegacySegmentsTest : public LogTest {
 protected:
  static std::string message_set(const LegacyOptions& options, const std::vector<Old>& records) {
    LegacyBuilder builder(options);
    for (const Old& record : records) {
      builder.add(Offset(record.offset), record.timestamp, as_bytes("key"), as_bytes("a value of some length"));
    }
    Buffer set = builder.build();
    return {set.view().begin(), set.view().end()};
  }
  /// Ten records of one timestamp each, from 1000 on, message by message.
  static std::string plain(int8_t magic) {
    std::string set;
    for (int64_t i = 0; i < 10; ++i) set += message_set({magic}, {{i, 1000 + i}});
    return set;
  }
  static std::string wrapped(int8_t magic) {
    return message_set({magic, Compression::gzip}, {{0, 1000}, {1, 1005}, {2, 1003}}) +
           message_set({magic, Compression::snappy}, {{3, 1004}, {4, 1009}, {5, 1009}, {6, 1001}});
  }
  void store(const std::string& bytes, OpenOptions options = {}) {
    std::filesystem::create_directories(directory());
    log_.reset();
    write_all(file(Offset(0), ".log"), bytes);
    open(options);
  }
  int64_t at_time(int64_t timestamp) {
    auto found = log_->offset_for_timestamp(timestamp);
    EXPECT_TRUE(found.ok()) << found.error().message;
    return *found ? (*found)->offset.value : -1;
  }
};

TEST_F(LegacySegmentsTest, AreRecoveredAndReadAsTheyAre) {
  config_.index_interval_bytes = 100;
  for (int8_t magic : {0, 1}) {
    std::string bytes = plain(magic);
    store(bytes);
    EXPECT_EQ(log_->log_end_offset(), Offset(10));
    EXPECT_EQ(bytes_from(Offset(0)), bytes);
    EXPECT_EQ(batches_from(Offset(7)), (std::vector<int64_t>{7, 8, 9}));
    EXPECT_GT(std::filesystem::file_size(file(Offset(0), ".index")), 0u);
    EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".timeindex")) > 0, magic == 1);
    EXPECT_EQ(log_->latest_epoch(), std::nullopt);
    reopen_clean();
    EXPECT_EQ(bytes_from(Offset(0)), bytes);
    EXPECT_EQ(append(1).first_offset, Offset(10)) << "batches of today follow";
    EXPECT_EQ(batches_from(Offset(9)), (std::vector<int64_t>{9, 10}));
  }
}

TEST_F(LegacySegmentsTest, AWrapperIsFoundByEveryOffsetInside) {
  std::string bytes = wrapped(1);
  store(bytes);
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
  for (int64_t offset : {0, 1, 2}) EXPECT_EQ(batches_from(Offset(offset)), (std::vector<int64_t>{2, 6})) << offset;
  for (int64_t offset : {3, 4, 5, 6}) EXPECT_EQ(batches_from(Offset(offset)), (std::vector<int64_t>{6})) << offset;
}

TEST_F(LegacySegmentsTest, EndBeforeAMessageThatIsTornOrDamaged) {
  for (int8_t magic : {0, 1}) {
    std::string bytes = plain(magic);
    size_t one = bytes.size() / 10;
    store(bytes.substr(0, bytes.size() - 1));
    EXPECT_EQ(log_->log_end_offset(), Offset(9));
    EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), 9 * one);
    std::string damaged = bytes;
    damaged[4 * one + one - 3] ^= 1;
    store(damaged);
    EXPECT_EQ(log_->log_end_offset(), Offset(4));
    EXPECT_EQ(bytes_from(Offset(0)), bytes.substr(0, 4 * one));
  }
}

TEST_F(LegacySegmentsTest, AreTruncatedMessageByMessage) {
  config_.index_interval_bytes = 100;
  for (int8_t magic : {0, 1}) {
    std::string bytes = plain(magic);
    store(bytes);
    ASSERT_TRUE(log_->truncate_to(Offset(6)).ok());
    EXPECT_EQ(log_->log_end_offset(), Offset(6));
    EXPECT_EQ(bytes_from(Offset(0)), bytes.substr(0, bytes.size() / 10 * 6));
    EXPECT_EQ(at_time(1005), magic == 1 ? 5 : -1);
    EXPECT_EQ(at_time(1006), -1);
    EXPECT_EQ(append(2).first_offset, Offset(6));
  }
}

TEST_F(LegacySegmentsTest, AWrapperIsTruncatedAsAWhole) {
  store(wrapped(1));
  ASSERT_TRUE(log_->truncate_to(Offset(4)).ok());
  EXPECT_EQ(batches_from(Offset(0)), (std::vector<int64_t>{2}));
  EXPECT_EQ(at_time(1006), -1);
}

TEST_F(LegacySegmentsTest, TimesAreFoundInsideAWrapperMessageByMessage) {
  store(wrapped(1));
  EXPECT_EQ(at_time(1000), 0);
  EXPECT_EQ(at_time(1001), 1);
  EXPECT_EQ(at_time(1005), 1);
  EXPECT_EQ(at_time(1006), 4);
  EXPECT_EQ(at_time(1010), -1);
  auto latest = log_->max_timestamp();
  ASSERT_TRUE(latest.ok() && *latest);
  EXPECT_EQ((*latest)->offset, Offset(4));
  EXPECT_EQ((*latest)->timestamp, 1009);
  EXPECT_EQ((*latest)->leader_epoch, kNoEpoch);

  ASSERT_TRUE(*log_->advance_log_start_offset(Offset(5)));
  EXPECT_EQ(at_time(1000), 5) << "what lies before the log's start is not there";
}

TEST_F(LegacySegmentsTest, AWrapperThatKeepsAppendTimeGivesItToAllInside) {
  LegacyOptions options{1, Compression::gzip, TimestampType::log_append_time};
  store(message_set(options, {{0, 2000}, {1, 2000}}));
  EXPECT_EQ(at_time(2000), 0);
  EXPECT_EQ((*log_->max_timestamp())->offset, Offset(0));
}

TEST_F(LegacySegmentsTest, MagicZeroHasNoTimestamps) {
  for (const std::string& bytes : {plain(0), wrapped(0)}) {
    store(bytes);
    EXPECT_EQ(at_time(0), -1);
    EXPECT_EQ(at_time(1003), -1);
    auto latest = log_->max_timestamp();
    ASSERT_TRUE(latest.ok()) << latest.error().message;
    EXPECT_FALSE(latest->has_value());
  }
}

TEST_F(LegacySegmentsTest, AWrapperThatHoldsNoMessagesIsAnErrorOfTheLookup) {
  std::string bytes = message_set({1, Compression::gzip}, {{0, 1000}, {1, 1005}});
  size_t content = batch_layout::kPrefixSize + 4 + 2 + 8 + 4 + 4;
  for (size_t i = content; i < bytes.size(); ++i) bytes[i] = 'x';
  // As if it had been sent so: the checksum covers the nonsense.
  Buffer sealed = Buffer::copy_of(as_bytes(bytes));
  Bytes summed = sealed.view().subspan(batch_layout::kMagic);
  auto sum = static_cast<uint32_t>(::crc32_z(0, summed.data(), summed.size()));
  store_big_endian(sealed.data() + batch_layout::kPrefixSize, sum);
  store({sealed.view().begin(), sealed.view().end()});
  ASSERT_EQ(log_->log_end_offset(), Offset(2));
  EXPECT_FALSE(log_->offset_for_timestamp(1000).ok());
  EXPECT_EQ(batches_from(Offset(0)), (std::vector<int64_t>{1})) << "who reads it sees for himself";
}

// --- records without timestamps, whatever their magic ---

TEST_F(LegacySegmentsTest, RecordsWithoutTimestampsNeedNoTimeIndexAcrossARestart) {
  config_.index_interval_bytes = 100;
  config_.segment_size_bytes = 400;
  open();
  for (int i = 0; i < 12; ++i) {
    Buffer batch = BatchBuilder().add(kNoTimestamp, "key", std::string(40, 'v')).build();
    ASSERT_TRUE(try_append(std::move(batch)).ok());
  }
  ASSERT_GE(log_->segment_count(), 3u);
  ASSERT_GT(std::filesystem::file_size(file(Offset(0), ".index")), 0u);
  ASSERT_EQ(std::filesystem::file_size(file(Offset(0), ".timeindex")), 0u);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  // Who reads the segment in full ends it at this.
  std::string bytes = read_all(file(Offset(0), ".log"));
  bytes.back() ^= 1;
  write_all(file(Offset(0), ".log"), bytes);
  open({.clean_shutdown = true});
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), bytes.size());
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  EXPECT_EQ(at_time(0), -1);
  auto latest = log_->max_timestamp();
  ASSERT_TRUE(latest.ok() && *latest) << "as Kafka: the first of all that have none";
  EXPECT_EQ((*latest)->offset, Offset(0));
  EXPECT_EQ((*latest)->timestamp, kNoTimestamp);
}

TEST_F(LegacySegmentsTest, AnEmptyTimeIndexOfRecordsWithTimestampsIsRebuilt) {
  config_.index_interval_bytes = 100;
  open();
  for (int i = 0; i < 6; ++i) append(1, 60, 1000 + i);
  ASSERT_TRUE(log_->close().ok());
  log_.reset();
  write_all(file(Offset(0), ".timeindex"), "");
  open({.clean_shutdown = true});
  EXPECT_GT(std::filesystem::file_size(file(Offset(0), ".timeindex")), 0u);
  EXPECT_EQ(at_time(1004), 4);
}

}  // namespace
}  // namespace gregor
