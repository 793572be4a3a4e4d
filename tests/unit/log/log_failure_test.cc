#include <cerrno>

#include "broker/log/guarded_files.h"
#include "log_fixture.h"
#include "tests/support/faulty_files.h"

namespace gregor {
namespace {

class LogFailureTest : public LogTest {
 protected:
  FileSystem& files() override { return faulty_; }
  testing::FaultyFileSystem faulty_;
};

TEST_F(LogFailureTest, AFullDiskFailsTheAppendsUntilThereIsRoom) {
  open();
  append(3);
  auto size = std::filesystem::file_size(file(Offset(0), ".log"));
  std::string before = bytes_from(Offset(0));
  faulty_.error = ENOSPC;
  auto failed = try_append(batch_of(2));
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(failed.error().is(ErrorCode::kafka_storage_error));
  EXPECT_NE(failed.error().message.find(file(Offset(0), ".log")), std::string::npos) << failed.error().message;
  EXPECT_NE(failed.error().message.find("No space left"), std::string::npos) << failed.error().message;
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), size) << "the space is given back";
  EXPECT_EQ(bytes_from(Offset(0)), before);

  faulty_.error = 0;
  EXPECT_EQ(append(2).first_offset, Offset(3));
  EXPECT_EQ(batches_from(Offset(0)), (std::vector<int64_t>{0, 3}));
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
}

TEST_F(LogFailureTest, AFullDiskLetsASegmentRollLater) {
  config_.segment_size_bytes = 300;
  open();
  append(2);
  append(2);
  ASSERT_EQ(log_->segment_count(), 1u);
  faulty_.error = ENOSPC;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(try_append(batch_of(2, 60)).ok());
  faulty_.error = 0;
  EXPECT_TRUE(append(2, 60).rolled);
  EXPECT_EQ(log_->segment_count(), 2u);
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(6));
}

TEST_F(LogFailureTest, AFullDiskAtTheFirstAppendLeavesNoFiles) {
  open();
  faulty_.error = ENOSPC;
  EXPECT_FALSE(try_append(batch_of(1)).ok());
  EXPECT_FALSE(std::filesystem::exists(file(Offset(0), ".log")));
  faulty_.error = 0;
  EXPECT_EQ(append(1).first_offset, Offset(0));
}

TEST_F(LogFailureTest, TornBytesThatCannotBeCutStayInvisible) {
  open();
  append(3);
  std::string before = bytes_from(Offset(0));
  faulty_.error = EIO;
  EXPECT_FALSE(try_append(batch_of(2)).ok());
  EXPECT_EQ(bytes_from(Offset(0)), before);
  faulty_.error = 0;
  EXPECT_GT(std::filesystem::file_size(file(Offset(0), ".log")), before.size());
  reopen_unclean();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(std::filesystem::file_size(file(Offset(0), ".log")), before.size());
}

TEST_F(LogFailureTest, AFailedSyncIsReported) {
  open();
  append(3);
  auto job = log_->prepare_flush();
  faulty_.error = EIO;
  EXPECT_TRUE(job->run().error().is(ErrorCode::kafka_storage_error));
  EXPECT_FALSE(log_->close().ok());
  EXPECT_EQ(log_->recovery_point(), Offset(0));
}

class GuardedFilesTest : public ::testing::Test {
 protected:
  GuardedFilesTest() {
    health_->on_offline([this] { ++offline_calls_; });
  }
  std::string path(const char* name) const { return home_.path() + "/" + name; }
  static Result<void> write(File& file) {
    Bytes text = as_bytes("text");
    return file.write_at(0, {&text, 1});
  }

  TemporaryDirectory home_;
  testing::FaultyFileSystem faulty_;
  std::shared_ptr<DirectoryHealth> health_ = std::make_shared<DirectoryHealth>(home_.path());
  GuardedFileSystem guarded_{faulty_, health_};
  int offline_calls_ = 0;
};

TEST_F(GuardedFilesTest, AnErrorOfTheDiskTakesTheDirectoryOfflineOnceAndForAll) {
  auto file = guarded_.open(path("a"), OpenMode::create);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(write(**file).ok());
  EXPECT_TRUE(health_->takes_records());
  faulty_.error = EIO;
  EXPECT_FALSE(write(**file).ok());
  EXPECT_TRUE(health_->is_offline());
  EXPECT_FALSE((*file)->truncate(0).ok());
  EXPECT_EQ(offline_calls_, 1);

  faulty_.error = 0;
  EXPECT_TRUE(write(**file).error().is(ErrorCode::kafka_storage_error)) << "nobody knows what the disk has kept";
  EXPECT_TRUE((*file)->sync().error().is(ErrorCode::kafka_storage_error)) << "a failed disk is not asked again";
  EXPECT_FALSE(guarded_.open(path("b"), OpenMode::create).ok());
  EXPECT_NE(health_->error().message.find("Input/output error"), std::string::npos) << health_->error().message;
}

TEST_F(GuardedFilesTest, AReadOnlyFileSystemIsNoPlaceForALog) {
  faulty_.error = EROFS;
  EXPECT_FALSE(guarded_.open(path("a"), OpenMode::create).ok());
  EXPECT_TRUE(health_->is_offline());
}

TEST_F(GuardedFilesTest, AFailedSyncIsFinalWhateverItsReason) {
  auto file = guarded_.open(path("a"), OpenMode::create);
  faulty_.error = EINTR;
  EXPECT_FALSE((*file)->sync().ok());
  EXPECT_TRUE(health_->is_offline());
}

TEST_F(GuardedFilesTest, FilesThatAreMissingSayNothingAboutTheDisk) {
  EXPECT_FALSE(guarded_.open(path("missing"), OpenMode::read).ok());
  EXPECT_FALSE(guarded_.list(path("missing")).ok());
  EXPECT_TRUE(health_->takes_records());
}

TEST_F(GuardedFilesTest, AFullDirectoryTakesNoRecordsUntilThereIsRoom) {
  auto file = guarded_.open(path("a"), OpenMode::create);
  faulty_.error = ENOSPC;
  EXPECT_FALSE(write(**file).ok());
  EXPECT_FALSE(health_->takes_records());
  EXPECT_FALSE(health_->is_offline());
  faulty_.error = 0;
  EXPECT_TRUE(write(**file).ok()) << "checkpoints are written still";
  health_->report_space({1000 << 20, 6 << 20});
  EXPECT_FALSE(health_->takes_records()) << "some more than the reserve has to be free";
  health_->report_space({1000 << 20, 100 << 20});
  EXPECT_TRUE(health_->takes_records());
  health_->report_space({1000 << 20, 1 << 20});
  EXPECT_FALSE(health_->takes_records()) << "the reserve is not for records";
  EXPECT_EQ(offline_calls_, 0);
}

}  // namespace
}  // namespace gregor
