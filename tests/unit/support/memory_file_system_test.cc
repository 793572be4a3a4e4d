#include "tests/support/memory_file_system.h"

#include <gmock/gmock.h>

#include <set>

namespace gregor::testing {
namespace {

using ::testing::ElementsAre;

class MemoryFileSystemTest : public ::testing::Test {
 protected:
  std::shared_ptr<File> file(const std::string& path, OpenMode mode = OpenMode::create) {
    auto opened = files_.open(path, mode);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return *opened;
  }
  static Result<void> write(File& file, uint64_t position, const std::string& text) {
    Bytes piece = as_bytes(text);
    return file.write_at(position, {&piece, 1});
  }
  std::string text(const std::string& path) {
    const auto& bytes = files_.content(path);
    return {bytes.begin(), bytes.end()};
  }
  void make(const std::string& path, const std::string& content) { files_.put(path, as_bytes(content)); }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> names;
    auto entries = files_.list(path);
    EXPECT_TRUE(entries.ok());
    for (const auto& entry : *entries) names.push_back(entry.name + (entry.is_directory ? "/" : ""));
    return names;
  }
  template <class T>
  static int number(const Result<T>& result) {
    return result.ok() ? 0 : result.error().code.value();
  }

  MemoryFileSystem files_{1};
};

TEST_F(MemoryFileSystemTest, ReadsWhatWasWritten) {
  auto log = file("/log");
  EXPECT_TRUE(write(*log, 0, "hello").ok());
  EXPECT_TRUE(write(*log, 3, "p me").ok());
  EXPECT_EQ(text("/log"), "help me");
  EXPECT_TRUE(write(*log, 9, "x").ok());
  EXPECT_EQ(text("/log"), std::string("help me\0\0x", 10));
  EXPECT_TRUE(log->truncate(4).ok());
  EXPECT_EQ(*log->size(), 4u);
  uint8_t into[10];
  EXPECT_EQ(*log->read_at(1, into), 3u);
  EXPECT_EQ(*log->read_at(4, into), 0u);
}

TEST_F(MemoryFileSystemTest, AnswersAsTheOperatingSystemDoes) {
  EXPECT_EQ(number(files_.open("/none", OpenMode::read)), ENOENT);
  EXPECT_EQ(number(files_.open("/a/b", OpenMode::create)), ENOENT);
  ASSERT_TRUE(files_.create_directories("/a/b").ok());
  make("/a/b/file", "x");
  EXPECT_EQ(number(files_.open("/a/b/file", OpenMode::create_new)), EEXIST);
  EXPECT_EQ(number(files_.open("/a/b", OpenMode::read)), EISDIR);
  EXPECT_EQ(number(files_.remove("/a/b")), ENOTEMPTY);
  EXPECT_EQ(number(files_.list("/a/b/file")), ENOTDIR);
  EXPECT_EQ(number(files_.rename("/a/none", "/a/x")), ENOENT);
  EXPECT_EQ(number(write(*file("/a/b/file", OpenMode::read), 0, "y")), EBADF);
  EXPECT_THAT(names("/a"), ElementsAre("b/"));
  EXPECT_TRUE(files_.rename("/a/b", "/a/c").ok());
  EXPECT_THAT(names("/a/c"), ElementsAre("file"));
  EXPECT_TRUE(files_.remove_all("/a").ok());
  EXPECT_FALSE(files_.exists("/a"));
  EXPECT_TRUE(files_.remove_all("/a").ok());
}

TEST_F(MemoryFileSystemTest, AnOpenFileOutlivesItsName) {
  make("/a", "text");
  auto open = file("/a", OpenMode::read);
  ASSERT_TRUE(files_.remove("/a").ok());
  EXPECT_EQ(*open->size(), 4u);
}

TEST_F(MemoryFileSystemTest, LosesNothingWhenTheProcessEnds) {
  auto log = file("/log");
  ASSERT_TRUE(write(*log, 0, "unsynced").ok());
  files_.end_process();
  EXPECT_EQ(text("/log"), "unsynced");
  EXPECT_EQ(number(write(*log, 0, "x")), EIO) << "the process that opened it is gone";
}

TEST_F(MemoryFileSystemTest, KeepsWhatWasSyncedAndItsNameWhenThePowerGoes) {
  auto log = file("/log");
  ASSERT_TRUE(write(*log, 0, "synced").ok());
  ASSERT_TRUE(log->sync().ok());
  ASSERT_TRUE(write(*log, 6, " lost").ok());
  ASSERT_TRUE(files_.sync_directory("/").ok());
  ASSERT_TRUE(files_.create_directories("/lost").ok());
  files_.lose_everything_unsynced();
  EXPECT_THAT(names("/"), ElementsAre("log"));
  EXPECT_EQ(text("/log"), "synced");
}

TEST_F(MemoryFileSystemTest, LosesASyncedFileWhoseDirectoryWasNotSynced) {
  auto log = file("/log");
  ASSERT_TRUE(log->sync().ok());
  files_.lose_everything_unsynced();
  EXPECT_FALSE(files_.exists("/log"));
}

TEST_F(MemoryFileSystemTest, UndoesRenamesAndRemovals) {
  make("/a", "a");
  make("/b", "b");
  ASSERT_TRUE(files_.rename("/a", "/b").ok());
  EXPECT_EQ(text("/b"), "a");
  files_.lose_everything_unsynced();
  EXPECT_EQ(text("/a"), "a");
  EXPECT_EQ(text("/b"), "b");
  ASSERT_TRUE(files_.remove("/a").ok());
  files_.lose_everything_unsynced();
  EXPECT_TRUE(files_.exists("/a"));
}

/// Every outcome that a loss of power leaves of "old!" overwritten by three unsynced writes.
TEST_F(MemoryFileSystemTest, KeepsAnyBeginningOrEndOfTheUnsyncedWrites) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    MemoryFileSystem files(seed);
    files.put("/log", as_bytes("old!"));
    auto log = *files.open("/log", OpenMode::read_write);
    for (const char* piece : {"AA", "BB", "CC"}) ASSERT_TRUE(write(*log, *log->size(), piece).ok());
    files.lose_power();
    const auto& bytes = files.content("/log");
    outcomes.emplace(bytes.begin(), bytes.end());
  }
  std::set<std::string> expected = {"old!", "old!A", "old!AA", "old!AAB", "old!AABB", "old!AABBC", "old!AABBCC"};
  expected.insert(std::string("old!\0\0BBCC", 10));
  expected.insert(std::string("old!\0\0\0\0CC", 10));
  EXPECT_EQ(outcomes, expected);
}

TEST_F(MemoryFileSystemTest, NoWriteOvertakesATruncation) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    MemoryFileSystem files(seed);
    files.put("/log", as_bytes("0123456789"));
    auto log = *files.open("/log", OpenMode::read_write);
    ASSERT_TRUE(log->truncate(2).ok());
    ASSERT_TRUE(write(*log, 2, "ab").ok());
    files.lose_power();
    const auto& bytes = files.content("/log");
    std::string found(bytes.begin(), bytes.end());
    EXPECT_TRUE(found == "0123456789" || found == "01" || found == "01a" || found == "01ab") << found;
  }
}

TEST_F(MemoryFileSystemTest, AFailedSyncLosesWhatNoLaterOneSaves) {
  make("/log", "old");
  auto log = file("/log");
  ASSERT_TRUE(write(*log, 3, " lost").ok());
  files_.set_fault_rates({.sync_error = 1});
  EXPECT_EQ(number(log->sync()), EIO);
  files_.set_fault_rates({});
  EXPECT_EQ(text("/log"), "old lost") << "programs see it still";
  ASSERT_TRUE(write(*log, 8, "!").ok());
  EXPECT_TRUE(log->sync().ok());
  files_.lose_power();
  EXPECT_EQ(text("/log"), std::string("old\0\0\0\0\0!", 9));
}

TEST_F(MemoryFileSystemTest, AFullDiskTakesAPartOfTheWrite) {
  make("/other", "12345");
  files_.set_capacity(10);
  auto log = file("/log");
  EXPECT_TRUE(write(*log, 0, "abc").ok());
  EXPECT_EQ(number(write(*log, 3, "defg")), ENOSPC);
  EXPECT_EQ(text("/log"), "abcde");
  EXPECT_TRUE(write(*log, 0, "xyz").ok()) << "overwriting needs no room";
  ASSERT_TRUE(files_.remove("/other").ok());
  EXPECT_TRUE(write(*log, 5, "fghij").ok());
}

TEST_F(MemoryFileSystemTest, SetsRoomAsideOrLeavesTheFileAsItWas) {
  files_.set_capacity(10);
  auto log = file("/log");
  EXPECT_EQ(number(log->allocate(11)), ENOSPC);
  EXPECT_EQ(*log->size(), 0u);
  EXPECT_TRUE(log->allocate(8).ok());
  EXPECT_TRUE(log->allocate(4).ok());
  EXPECT_EQ(*log->size(), 8u);
  EXPECT_EQ(files_.space("/")->available, 2u);
}

TEST_F(MemoryFileSystemTest, RefusesEveryChangeWhenReadOnly) {
  make("/log", "text");
  auto log = file("/log");
  files_.set_read_only(true);
  EXPECT_EQ(number(write(*log, 0, "x")), EROFS);
  EXPECT_EQ(number(log->truncate(0)), EROFS);
  EXPECT_EQ(number(files_.open("/new", OpenMode::create)), EROFS);
  EXPECT_EQ(number(files_.rename("/log", "/new")), EROFS);
  EXPECT_EQ(number(files_.remove("/log")), EROFS);
  EXPECT_EQ(text("/log"), "text");
  EXPECT_TRUE(files_.open("/log", OpenMode::read).ok());
}

TEST_F(MemoryFileSystemTest, StopsInTheMiddleOfAChange) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem files(seed);
    files.put("/log", {});
    auto log = *files.open("/log", OpenMode::read_write);
    files.stop_after(1);
    EXPECT_TRUE(write(*log, 0, "a").ok());
    EXPECT_EQ(number(write(*log, 1, "bc")), EIO);
    EXPECT_TRUE(files.is_stopped());
    EXPECT_EQ(number(write(*log, 1, "never")), EIO);
    EXPECT_EQ(number(files.remove("/log")), EIO);
    EXPECT_EQ(number(files.list("/")), EIO);
    files.end_process();
    const auto& bytes = files.content("/log");
    outcomes.emplace(bytes.begin(), bytes.end());
    EXPECT_TRUE(files.open("/log", OpenMode::read).ok());
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"a", "ab", "abc"}));
}

TEST_F(MemoryFileSystemTest, FaultsComeAsOftenAsTheyShould) {
  auto log = file("/log");
  files_.set_fault_rates({.write_error = 0.25});
  int failed = 0;
  for (int i = 0; i < 1000; ++i) failed += write(*log, 0, "x").ok() ? 0 : 1;
  EXPECT_NEAR(failed, 250, 60);
}

TEST_F(MemoryFileSystemTest, ALockIsHeldOnceAndFreedWithItsProcess) {
  auto lock = files_.lock("/.lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(number(files_.lock("/.lock")), EWOULDBLOCK);
  files_.end_process();
  auto second = files_.lock("/.lock");
  EXPECT_TRUE(second.ok());
  lock->reset();
  EXPECT_EQ(number(files_.lock("/.lock")), EWOULDBLOCK) << "the old process gives nothing back";
}

TEST_F(MemoryFileSystemTest, TheSameSeedGivesTheSameFaults) {
  auto outcome = [](uint64_t seed) {
    MemoryFileSystem files(seed);
    files.put("/log", {});
    auto log = *files.open("/log", OpenMode::read_write);
    files.set_fault_rates({.write_error = 0.5});
    std::string told;
    for (int i = 0; i < 64; ++i) told += write(*log, *log->size(), "abc").ok() ? '+' : '-';
    files.lose_power();
    return told + std::to_string(files.content("/log").size());
  };
  EXPECT_EQ(outcome(7), outcome(7));
  EXPECT_NE(outcome(7), outcome(8));
}

}  // namespace
}  // namespace gregor::testing
