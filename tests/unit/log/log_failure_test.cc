#include <cerrno>
#include <cstring>
#include <functional>

#include "broker/log/guarded_files.h"
#include "producer_fixture.h"
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
  EXPECT_TRUE(append(2, 60).wants_flush);
  EXPECT_EQ(log_->segment_count(), 2u);
  reopen_clean();
  EXPECT_EQ(log_->log_end_offset(), Offset(6));
}

TEST_F(LogFailureTest, AfterAnUncleanStartTheFirstAppendAsksForTheFlushThatSavesTheRollFromIt) {
  open();
  append(3);
  reopen_unclean();
  ASSERT_TRUE(append(1).wants_flush);
  auto job = log_->prepare_flush();
  ASSERT_TRUE(job.ok() && job->run().ok());
  log_->mark_flushed(*job);
  EXPECT_FALSE(append(1).wants_flush);
  int before = faulty_.syncs;
  ASSERT_TRUE(log_->roll().ok());
  EXPECT_EQ(faulty_.syncs, before);
}

TEST_F(LogFailureTest, ARollThatComesBeforeThatFlushSyncs) {
  open();
  append(3);
  reopen_unclean();
  append(1);
  int before = faulty_.syncs;
  ASSERT_TRUE(log_->roll().ok());
  EXPECT_GT(faulty_.syncs, before);
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

/// A log whose directory hears of what fails.
class GuardedLogTest : public LogTest {
 protected:
  FileSystem& files() override { return guarded_; }
  ErrorCode append_error() {
    auto appended = try_append(batch_of(1));
    return appended ? ErrorCode::none : kafka_code(appended.error().code);
  }

  testing::FaultyFileSystem faulty_;
  std::shared_ptr<DirectoryHealth> health_ = std::make_shared<DirectoryHealth>(home_.path());
  GuardedFileSystem guarded_{faulty_, health_};
};

TEST_F(GuardedLogTest, AnErrorOfTheDiskWhateverItsNumberEndsTheLogWithItsDirectory) {
  for (int number :
       {EIO, EROFS, EBADMSG, ENODATA, EUCLEAN, ESTALE, ETIMEDOUT, EREMOTEIO, EOVERFLOW, ENXIO, EFBIG}) {
    log_.reset();
    health_ = std::make_shared<DirectoryHealth>(home_.path());
    GuardedFileSystem guarded(faulty_, health_);
    std::string directory = home_.path() + "/errno-" + std::to_string(number);
    auto opened = PartitionLog::open(guarded, clock_, directory, {"orders", 0}, config_);
    ASSERT_TRUE(opened.ok());
    log_ = std::move(*opened);
    append(1);
    faulty_.error = number;
    EXPECT_EQ(append_error(), ErrorCode::kafka_storage_error);
    faulty_.error = 0;
    EXPECT_TRUE(health_->is_offline()) << std::strerror(number);
    EXPECT_TRUE(log_->has_failed());
    EXPECT_EQ(append_error(), ErrorCode::kafka_storage_error);
    log_.reset();
  }
}

TEST_F(GuardedLogTest, WhateverEndsTheLogIsToldToItsDirectory) {
  config_.segment_size_bytes = 200;
  open();
  append(1, 60);
  append(1, 60);
  ASSERT_EQ(log_->segment_count(), 2u);
  std::filesystem::remove_all(directory());
  EXPECT_FALSE(health_->is_offline());
  EXPECT_EQ(append_error(), ErrorCode::kafka_storage_error) << "there is no place for the next segment";
  EXPECT_TRUE(log_->has_failed());
  EXPECT_TRUE(health_->is_offline());
}

// --- for want of descriptors ---

/// Does one thing to a filled log while descriptors run out after 0, 1, 2, ... of them, and again when there are
/// some.
class DescriptorsTest : public GuardedLogTest {
 protected:
  void fill() {
    log_.reset();
    std::filesystem::remove_all(directory());
    config_.segment_size_bytes = 700;
    config_.index_interval_bytes = 100;
    open();
    for (int i = 0; i < 11; ++i) {
      Buffer batch = gregor::batch_of(Sent{.producer_id = 7, .sequence = i, .is_transactional = true});
      ASSERT_TRUE(log_->append_as_leader(trusted_batch(batch.span()), LeaderEpoch(i / 3)).ok());
    }
    ASSERT_GE(log_->segment_count(), 2u);
    append(1, 300, 1000, 3);
    ASSERT_EQ(log_->log_end_offset(), Offset(12));
    log_->release_file();
  }
  /// The offsets of all batches in the log.
  std::vector<int64_t> stored() {
    std::vector<int64_t> offsets;
    for (Offset at = log_->log_start_offset(); at < log_->log_end_offset();) {
      for (int64_t offset : batches_from(at)) offsets.push_back(offset);
      if (offsets.empty() || Offset(offsets.back()) < at) break;
      at = Offset(offsets.back() + 1);
    }
    return offsets;
  }
  /// `check` says what has to hold once `act` succeeded; with `is_repeated` it is called again where it failed.
  void lack_descriptors(const std::function<Result<void>()>& act, const std::function<void()>& check,
                        bool is_repeated = true) {
    int failures = 0;
    for (int descriptors = 0;; ++descriptors) {
      SCOPED_TRACE(descriptors);
      fill();
      if (HasFatalFailure()) return;
      faulty_.opens_left = descriptors;
      faulty_.open_error = EMFILE;
      auto acted = act();
      bool has_failed = !acted;
      if (has_failed) {
        EXPECT_TRUE(acted.error().is(ErrorCode::kafka_storage_error)) << acted.error().message;
        EXPECT_NE(acted.error().message.find("Too many open files"), std::string::npos) << acted.error().message;
        faulty_.opens_left = 0;
        acted = act();
      }
      faulty_.open_error = 0;
      EXPECT_FALSE(log_->has_failed());
      EXPECT_TRUE(health_->takes_records());
      if (!acted && is_repeated) {
        auto again = act();
        ASSERT_TRUE(again.ok()) << again.error().message;
      }
      check();
      std::vector<int64_t> before = stored();
      reopen_clean();
      EXPECT_EQ(stored(), before);
      check();
      EXPECT_TRUE(try_append(batch_of(1), 9).ok());
      if (!has_failed) break;
      ++failures;
      ASSERT_LT(failures, 100);
    }
    EXPECT_GT(failures, 0) << "nothing here takes a descriptor";
  }
  std::vector<int64_t> numbers(int64_t first, int64_t last) {
    std::vector<int64_t> made;
    for (int64_t i = first; i <= last; ++i) made.push_back(i);
    return made;
  }
};

TEST_F(DescriptorsTest, AppendsGoOnOnceThereAreSome) {
  lack_descriptors(
      [&]() -> Result<void> {
        auto appended = try_append(batch_of(1, 300), 3);
        return appended ? Result<void>() : appended.error();
      },
      [&] { EXPECT_EQ(stored(), numbers(0, 12)); });
}

TEST_F(DescriptorsTest, ATruncationIsFinishedOnceThereAreSome) {
  for (bool is_repeated : {true, false}) {
    for (int64_t end : {2, 5, 11}) {
      SCOPED_TRACE(end);
      lack_descriptors([&] { return log_->truncate_to(Offset(end)); },
                       [&] {
                         bool was_cut = is_repeated || log_->log_end_offset() != Offset(12);
                         EXPECT_EQ(stored(), numbers(0, was_cut ? end - 1 : 11));
                       },
                       is_repeated);
    }
  }
}

TEST_F(DescriptorsTest, ALogBeginsAnewWithoutAnyAndTakesRecordsOnceThereAreSome) {
  fill();
  faulty_.open_error = EMFILE;
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(50)).ok());
  EXPECT_EQ(append_error(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(log_->log_end_offset(), Offset(50));
  faulty_.open_error = 0;
  EXPECT_EQ(append(1).first_offset, Offset(50));
  EXPECT_TRUE(health_->takes_records());
  reopen_clean();
  EXPECT_EQ(stored(), numbers(50, 50));
}

TEST_F(DescriptorsTest, RetentionGoesOnOnceThereAreSome) {
  lack_descriptors(
      [&]() -> Result<void> {
        auto removed = log_->apply_retention({.max_age_ms = -1, .max_size_bytes = 0}, Offset(12));
        return removed ? Result<void>() : removed.error();
      },
      [&] {
        EXPECT_EQ(log_->log_end_offset(), Offset(12));
        EXPECT_EQ(stored(), numbers(0, -1));
      });
}

TEST_F(DescriptorsTest, AFlushIsRepeatedOnceThereAreSome) {
  lack_descriptors(
      [&]() -> Result<void> {
        auto job = log_->prepare_flush();
        if (!job) return job.error();
        auto flushed = job->run();
        if (flushed) {
          log_->mark_flushed(*job);
        } else {
          EXPECT_TRUE(job->may_be_repeated);
          log_->mark_unflushed(*job);
        }
        return flushed;
      },
      [&] {
        EXPECT_EQ(log_->recovery_point(), Offset(12));
        EXPECT_EQ(stored(), numbers(0, 11));
      });
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

TEST_F(GuardedFilesTest, WantOfDescriptorsOrMemorySaysNothingAboutTheDisk) {
  for (int number : {EMFILE, ENFILE, ENOMEM}) {
    faulty_.open_error = number;
    EXPECT_FALSE(guarded_.open(path("a"), OpenMode::create).ok());
    EXPECT_FALSE(guarded_.sync_directory(home_.path()).ok()) << "nothing was synced that could be lost";
    faulty_.open_error = 0;
    EXPECT_TRUE(health_->takes_records()) << std::strerror(number);
  }
}

TEST_F(GuardedFilesTest, WhatIsInTheWaySaysNothingAboutTheDisk) {
  ASSERT_TRUE(guarded_.open(path("file"), OpenMode::create).ok());
  ASSERT_TRUE(guarded_.create_directories(path("folder/inner")).ok());
  EXPECT_FALSE(guarded_.open(path("file"), OpenMode::create_new).ok());
  EXPECT_FALSE(guarded_.open(path("folder"), OpenMode::create).ok());
  EXPECT_FALSE(guarded_.create_directories(path("file/inner")).ok());
  EXPECT_FALSE(guarded_.rename(path("file"), path("folder")).ok());
  EXPECT_FALSE(guarded_.open(path(std::string(300, 'x').c_str()), OpenMode::create).ok());
  EXPECT_TRUE(health_->takes_records());
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
  EXPECT_TRUE(health_->is_full());
  EXPECT_EQ(offline_calls_, 0);
}

TEST_F(GuardedFilesTest, ASmallDiskDoesNotGetRoomByItself) {
  constexpr uint64_t kSmallDisk = 24 << 20;
  // Half a megabyte was to be written and found 300 KB, which are more than the reserve.
  health_->report(system_error(ENOSPC, "write"));
  for (int second = 0; second < 200; ++second) health_->report_space({kSmallDisk, 300'000});
  EXPECT_TRUE(health_->is_full());
  health_->report_space({kSmallDisk, 700'000});
  EXPECT_TRUE(health_->is_full()) << "hardly more than when it was full";
  health_->report_space({kSmallDisk, 900'000});
  EXPECT_TRUE(health_->takes_records());
}

TEST_F(GuardedFilesTest, ADeletionGivesRoomAtOnceIfThereIsAny) {
  constexpr uint64_t kSmallDisk = 24 << 20;
  health_->report_deletion();
  health_->report(system_error(ENOSPC, "write"));
  health_->report_space({kSmallDisk, 300'000});
  EXPECT_TRUE(health_->is_full()) << "what was deleted before has been used up";
  health_->report_deletion();
  EXPECT_TRUE(health_->is_full());
  health_->report_space({kSmallDisk, 100'000});
  EXPECT_TRUE(health_->is_full()) << "the reserve comes first";
  health_->report_space({kSmallDisk, 400'000});
  EXPECT_TRUE(health_->takes_records());
}

TEST_F(GuardedFilesTest, AQuotaThatTheFreeBytesDoNotShowIsTriedNowAndThen) {
  health_->report(system_error(EDQUOT, "write"));
  for (int second = 1; second < 300; ++second) health_->report_space({1ull << 40, 1ull << 39});
  EXPECT_TRUE(health_->is_full());
  health_->report_space({1ull << 40, 1ull << 39});
  EXPECT_TRUE(health_->takes_records());
}

}  // namespace
}  // namespace gregor
