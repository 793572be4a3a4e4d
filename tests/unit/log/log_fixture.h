#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "broker/log/partition_log.h"
#include "broker/record/builder.h"
#include "broker/record/record_reader.h"
#include "broker/types/error_code.h"

namespace gregor {

class ManualClock final : public Clock {
 public:
  Instant now() const override { return Instant(std::chrono::milliseconds(wall)); }
  int64_t wall_ms() const override { return wall; }
  int64_t wall = 1700000000000;
};

/// A directory of its own for each test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "gregor-log-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_all(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// One log in a directory of its own, opened, filled and read in few words.
class LogTest : public testing::Test {
 protected:
  std::string directory() const { return home_.path() + "/orders-0"; }
  std::string file(Offset base_offset, std::string_view suffix) const {
    return segment_file_path(directory(), base_offset, suffix);
  }
  virtual FileSystem& files() { return posix_; }

  void open(OpenOptions options = {}) {
    log_.reset();
    auto opened = PartitionLog::open(files(), clock_, directory(), {"orders", 0}, config_, options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    log_ = std::move(*opened);
  }
  void reopen_clean() {
    auto closed = log_->close();
    ASSERT_TRUE(closed.ok()) << closed.error().message;
    open({.clean_shutdown = true});
  }
  /// As after kill -9: what was not written is lost with the object.
  void reopen_unclean(Offset recovery_point = Offset(0)) { open({.recovery_point = recovery_point}); }

  Buffer batch_of(int count, size_t value_size = 10, int64_t timestamp = 1000) {
    BatchBuilder builder;
    for (int i = 0; i < count; ++i) builder.add(timestamp + i, "key", std::string(value_size, 'v'));
    return builder.build();
  }
  Result<AppendInfo> try_append(Buffer batch, int32_t epoch = 0) {
    return log_->append_as_leader(trusted_batch(batch.span()), LeaderEpoch(epoch));
  }
  AppendInfo append(int count, size_t value_size = 10, int64_t timestamp = 1000, int32_t epoch = 0) {
    auto info = try_append(batch_of(count, value_size, timestamp), epoch);
    EXPECT_TRUE(info.ok()) << info.error().message;
    return info.ok() ? *info : AppendInfo();
  }

  /// The bytes that a read gives.
  std::string bytes_from(Offset from, Offset end = Offset(INT64_MAX), uint64_t max_bytes = 1 << 30,
                         bool at_least_one = true) {
    auto found = log_->read(from, end, max_bytes, at_least_one);
    EXPECT_TRUE(found.ok()) << found.error().message;
    std::string bytes;
    if (!found.ok()) return bytes;
    for (const FileSlice& slice : found->slices) {
      std::vector<uint8_t> part(slice.size);
      auto count = slice.file->read_at(slice.position, part);
      EXPECT_EQ(*count, slice.size);
      bytes.append(part.begin(), part.end());
    }
    return bytes;
  }
  /// Base offsets of the whole batches that a read from `from` up to `end` finds in one segment.
  std::vector<int64_t> batches_from(Offset from, Offset end = Offset(INT64_MAX), uint64_t max_bytes = 1 << 30,
                                    bool at_least_one = true) {
    std::string bytes = bytes_from(from, end, max_bytes, at_least_one);
    std::vector<int64_t> offsets;
    BatchIterator batches(as_bytes(bytes));
    while (auto batch = batches.next()) {
      EXPECT_TRUE(batch->is_intact());
      offsets.push_back(batch->base_offset().value);
    }
    return offsets;
  }

  TemporaryDirectory home_;
  PosixFileSystem posix_;
  ManualClock clock_;
  LogConfig config_;
  std::unique_ptr<PartitionLog> log_;
};

}  // namespace gregor
