#include <cerrno>

#include "log_fixture.h"

namespace gregor {
namespace {

/// Lets writes through until it is told to fail them, the failing one after half of its bytes.
class FaultyFileSystem final : public FileSystem {
 public:
  int write_error = 0;

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto file = real_.open(path, mode);
    if (!file) return file;
    return std::shared_ptr<File>(std::make_shared<FaultyFile>(*this, *file));
  }
  bool exists(const std::string& path) override { return real_.exists(path); }
  Result<void> create_directories(const std::string& path) override { return real_.create_directories(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return real_.list(path); }
  Result<void> rename(const std::string& from, const std::string& to) override { return real_.rename(from, to); }
  Result<void> remove(const std::string& path) override { return real_.remove(path); }
  Result<void> remove_all(const std::string& path) override { return real_.remove_all(path); }
  Result<void> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return real_.lock(path); }

 private:
  class FaultyFile final : public File {
   public:
    FaultyFile(FaultyFileSystem& owner, std::shared_ptr<File> real) : owner_(owner), real_(std::move(real)) {}
    Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) override {
      return real_->read_at(position, into);
    }
    Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) override {
      if (owner_.write_error == 0) return real_->write_at(position, pieces);
      Bytes half = pieces[0].first(pieces[0].size() / 2);
      (void)real_->write_at(position, {&half, 1});
      return system_error(owner_.write_error, "write " + path());
    }
    Result<uint64_t> size() override { return real_->size(); }
    Result<void> truncate(uint64_t size) override {
      return owner_.write_error == EIO ? system_error(EIO, "truncate " + path()) : real_->truncate(size);
    }
    Result<void> sync() override {
      return owner_.write_error == EIO ? system_error(EIO, "sync " + path()) : real_->sync();
    }
    const std::string& path() const override { return real_->path(); }

   private:
    FaultyFileSystem& owner_;
    std::shared_ptr<File> real_;
  };

  PosixFileSystem real_;
};

class LogFailureTest : public LogTest {
 protected:
  FileSystem& files() override { return faulty_; }
  FaultyFileSystem faulty_;
};

TEST_F(LogFailureTest, AFullDiskFailsTheAppendAndAllLaterOnes) {
  open();
  append(3);
  auto size = std::filesystem::file_size(file(Offset(0), ".log"));
  std::string before = bytes_from(Offset(0));
  faulty_.write_error = ENOSPC;
  auto failed = try_append(batch_of(2));
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(failed.error().is(ErrorCode::kafka_storage_error));
  EXPECT_NE(failed.error().message.find(file(Offset(0), ".log")), std::string::npos) << failed.error().message;
  EXPECT_NE(failed.error().message.find("No space left"), std::string::npos) << failed.error().message;
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), size) << "the space is given back";

  faulty_.write_error = 0;
  EXPECT_TRUE(try_append(batch_of(2)).error().is(ErrorCode::kafka_storage_error));
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(bytes_from(Offset(0)), before);
}

TEST_F(LogFailureTest, TornBytesThatCannotBeCutStayInvisible) {
  open();
  append(3);
  std::string before = bytes_from(Offset(0));
  faulty_.write_error = EIO;
  EXPECT_FALSE(try_append(batch_of(2)).ok());
  EXPECT_EQ(bytes_from(Offset(0)), before);
  faulty_.write_error = 0;
  EXPECT_GT(std::filesystem::file_size(file(Offset(0), ".log")), before.size());
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), before.size());
}

TEST_F(LogFailureTest, AFailedSyncIsReported) {
  open();
  append(3);
  auto job = log_->prepare_flush();
  faulty_.write_error = EIO;
  EXPECT_TRUE(job->run().error().is(ErrorCode::kafka_storage_error));
  EXPECT_FALSE(log_->close().ok());
  EXPECT_EQ(log_->recovery_point(), Offset(0));
}

}  // namespace
}  // namespace gregor
