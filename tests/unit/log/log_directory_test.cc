#include "broker/log/log_directory.h"

#include <gmock/gmock.h>

#include "log_fixture.h"

namespace gregor {
namespace {

using Kind = PartitionDirectoryName::Kind;

const std::string kUnique(32, 'a');

TEST(PartitionDirectoryName, IsParsedWithDashesAndDotsInTheTopic) {
  auto name = PartitionDirectoryName::parse("my-topic.v1-2-13");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->partition, (TopicPartition{"my-topic.v1-2", 13}));
  EXPECT_EQ(name->kind, Kind::live);
  name = PartitionDirectoryName::parse("a-b-0." + kUnique + "-delete");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->partition, (TopicPartition{"a-b", 0}));
  EXPECT_EQ(name->kind, Kind::deleted);
  EXPECT_EQ(PartitionDirectoryName::parse("a-0." + kUnique + "-stray")->kind, Kind::stray);
  EXPECT_EQ(PartitionDirectoryName::parse("a-0." + kUnique + "-future")->kind, Kind::future);
  for (const char* other : {"lost+found", "topic", "topic-", "-1", "topic-x", "topic-01", "topic-99999999999",
                            "my backup-1", "__cluster_metadata-0"}) {
    EXPECT_FALSE(PartitionDirectoryName::parse(other)) << other;
  }
}

TEST(PartitionDirectoryName, OfADeletionFitsIntoAFileName) {
  TopicPartition longest{std::string(249, 't'), 12};
  std::string name = deleted_directory_name(longest, *Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ"));
  EXPECT_EQ(name.size(), 255u);
  EXPECT_EQ(PartitionDirectoryName::parse(name)->kind, Kind::deleted);
  EXPECT_EQ(deleted_directory_name({"a", 1}, Uuid{}), "a-1." + std::string(32, '0') + "-delete");
}

class LogDirectoryTest : public testing::Test {
 protected:
  void open() {
    directory_.reset();
    auto opened = LogDirectory::open(files_, home_.path());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    directory_ = std::move(*opened);
  }
  TemporaryDirectory home_;
  PosixFileSystem files_;
  std::unique_ptr<LogDirectory> directory_;
};

TEST_F(LogDirectoryTest, ListsPartitionsAndFinishesDeletionsOnceItIsInUse) {
  for (const std::string& name : {std::string("a-b-0"), std::string("z-1"), "gone-0." + kUnique + "-delete"}) {
    ASSERT_TRUE(files_.create_directories(home_.path() + "/" + name).ok());
  }
  open();
  EXPECT_THAT(directory_->partitions(), testing::ElementsAre(TopicPartition{"a-b", 0}, TopicPartition{"z", 1}));
  EXPECT_TRUE(files_.exists(home_.path() + "/gone-0." + kUnique + "-delete"));
  directory_->begin_use();
  EXPECT_FALSE(files_.exists(home_.path() + "/gone-0." + kUnique + "-delete"));
}

TEST_F(LogDirectoryTest, TellsACleanShutdownUntilItIsUsedAgain) {
  open();
  EXPECT_FALSE(directory_->was_clean_shutdown());
  ASSERT_TRUE(directory_->mark_clean_shutdown().ok());
  EXPECT_EQ(read_all(home_.path() + "/.kafka_cleanshutdown"), R"({"version":0,"brokerEpoch":-1})");
  open();
  EXPECT_TRUE(directory_->was_clean_shutdown());
  open();
  EXPECT_TRUE(directory_->was_clean_shutdown()) << "a start that came to nothing changes nothing";
  directory_->begin_use();
  EXPECT_TRUE(directory_->was_clean_shutdown());
  open();
  EXPECT_FALSE(directory_->was_clean_shutdown());
}

TEST_F(LogDirectoryTest, GoesOfflineWhenItIsNotWhereItWas) {
  open();
  directory_->look();
  EXPECT_FALSE(directory_->health().is_offline());
  ASSERT_TRUE(files_.rename(home_.path(), home_.path() + ".away").ok());
  ASSERT_TRUE(files_.create_directories(home_.path()).ok());
  directory_->look();
  EXPECT_TRUE(directory_->health().is_offline());
  EXPECT_THAT(directory_->health().error().message, testing::HasSubstr("No such file or directory"));
  ASSERT_TRUE(files_.remove_all(home_.path() + ".away").ok());
}

TEST_F(LogDirectoryTest, KeepsCheckpointsAndMetaProperties) {
  open();
  EXPECT_FALSE(directory_->meta_properties());
  ASSERT_TRUE(directory_->set_meta_properties(MetaProperties::of(BrokerId(3), "c")).ok());
  ASSERT_TRUE(directory_->checkpoints().replace(CheckpointKind::recovery_point, {{{"a", 0}, Offset(10)}}).ok());
  ASSERT_TRUE(directory_->checkpoints().replace(CheckpointKind::log_start, {{{"a", 0}, Offset(5)}}).ok());
  ASSERT_TRUE(directory_->checkpoints().replace(CheckpointKind::high_watermark, {{{"a", 0}, Offset(9)}}).ok());
  open();
  EXPECT_EQ(directory_->meta_properties()->broker_id(), BrokerId(3));
  EXPECT_EQ(directory_->open_options({"a", 0}).recovery_point, Offset(10));
  EXPECT_EQ(directory_->open_options({"a", 0}).log_start_offset, Offset(5));
  EXPECT_EQ(directory_->checkpoints().find(CheckpointKind::high_watermark, {"a", 0}), Offset(9));
  EXPECT_FALSE(directory_->checkpoints().find(CheckpointKind::high_watermark, {"b", 0}));
}

TEST_F(LogDirectoryTest, WhatWasForgottenIsNotWrittenAgainByWhoCollectedItBefore) {
  open();
  Checkpoints& checkpoints = directory_->checkpoints();
  OffsetCheckpoint collected{{{"a", 0}, Offset(10)}, {{"b", 0}, Offset(20)}};
  ASSERT_TRUE(checkpoints.replace(CheckpointKind::recovery_point, collected).ok());
  uint64_t generation = checkpoints.generation();
  ASSERT_TRUE(checkpoints.forget({{"a", 0}, {"c", 0}}).ok());
  std::string path = home_.path() + "/recovery-point-offset-checkpoint";
  EXPECT_EQ(read_all(path), "0\n1\nb 0 20\n");
  ASSERT_TRUE(checkpoints.replace(CheckpointKind::recovery_point, collected, generation).ok());
  EXPECT_EQ(read_all(path), "0\n1\nb 0 20\n");
  ASSERT_TRUE(checkpoints.replace(CheckpointKind::recovery_point, collected).ok());
  EXPECT_EQ(read_all(path), "0\n2\na 0 10\nb 0 20\n") << "a new log of that name";
}

TEST_F(LogDirectoryTest, TheCleanersCheckpointForgetsWhatIsDeletedAndKeepsTheRest) {
  std::string path = home_.path() + "/cleaner-offset-checkpoint";
  write_all(path, "0\n2\na 0 10\nb 1 20\n");
  open();
  ASSERT_TRUE(directory_->forget_cleaned({"c", 0}).ok());
  EXPECT_EQ(read_all(path), "0\n2\na 0 10\nb 1 20\n");
  ASSERT_TRUE(directory_->forget_cleaned({"a", 0}).ok());
  EXPECT_EQ(read_all(path), "0\n1\nb 1 20\n");
}

TEST_F(LogDirectoryTest, WithoutACleanersCheckpointNoneIsMade) {
  open();
  ASSERT_TRUE(directory_->forget_cleaned({"a", 0}).ok());
  EXPECT_FALSE(files_.exists(home_.path() + "/cleaner-offset-checkpoint"));
}

}  // namespace
}  // namespace gregor
