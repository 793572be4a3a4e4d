#include "broker/log/checkpoint_file.h"

#include "broker/log/meta_properties.h"
#include "log_fixture.h"

namespace gregor {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  TemporaryDirectory home_;
  PosixFileSystem files_;
  std::string path_ = home_.path() + "/checkpoint";
};

TEST_F(CheckpointTest, IsKafkasText) {
  OffsetCheckpoint offsets = {{{"orders", 0}, Offset(17)}, {{"a-b", 3}, Offset(0)}};
  ASSERT_TRUE(write_offset_checkpoint(files_, path_, offsets).ok());
  EXPECT_EQ(read_all(path_), "0\n2\na-b 3 0\norders 0 17\n");
  EXPECT_EQ(*read_offset_checkpoint(files_, path_), offsets);
}

TEST_F(CheckpointTest, IsEmptyWithoutAFile) { EXPECT_TRUE(read_offset_checkpoint(files_, path_)->empty()); }

TEST_F(CheckpointTest, NamesWhatIsMalformed) {
  for (const char* text :
       {"", "1\n0\n", "0\n", "0\nx\n", "0\n2\norders 0 17\n", "0\n1\norders 17\n", "0\n1\na 0 1 2\n"}) {
    write_all(path_, text);
    auto offsets = read_offset_checkpoint(files_, path_);
    ASSERT_FALSE(offsets.ok()) << text;
    EXPECT_TRUE(offsets.error().is(ErrorCode::kafka_storage_error));
    EXPECT_NE(offsets.error().message.find(path_), std::string::npos);
  }
}

TEST_F(CheckpointTest, MetaPropertiesAreReadAsJavaWritesThem) {
  write_all(path_,
            "#\n#Thu Nov 16 10:00:00 UTC 2023\ncluster.id=ab\\:c_-\nversion=0\n broker.id = 7 \ndirectory.id=x\n");
  auto properties = read_meta_properties(files_, path_);
  ASSERT_TRUE(properties.ok() && *properties);
  EXPECT_EQ((*properties)->broker_id(), BrokerId(7));
  EXPECT_EQ((*properties)->cluster_id(), "ab:c_-");
  ASSERT_TRUE(write_meta_properties(files_, path_, **properties).ok());
  EXPECT_EQ((*read_meta_properties(files_, path_))->values.at("directory.id"), "x");
}

TEST_F(CheckpointTest, MetaPropertiesAreReadAsTheyWereWrittenWhateverTheyHold) {
  MetaProperties strange{{{"a:b = c", "\\\\ x"}, {"#key", "!value=:"}, {"broker.id", "3"}}};
  ASSERT_TRUE(write_meta_properties(files_, path_, strange).ok());
  auto read = read_meta_properties(files_, path_);
  ASSERT_TRUE(read.ok() && *read);
  EXPECT_EQ((*read)->values, strange.values);
}

TEST_F(CheckpointTest, MetaPropertiesOfKRaftAreRefused) {
  write_all(path_, "version=1\nnode.id=7\n");
  EXPECT_FALSE(read_meta_properties(files_, path_).ok());
  EXPECT_FALSE(*read_meta_properties(files_, path_ + ".none"));
}

TEST_F(CheckpointTest, AMismatchNamesBothIdsAndBothPlaces) {
  MetaProperties properties = MetaProperties::of(BrokerId(7), "cluster-a");
  EXPECT_TRUE(check_meta_properties(properties, path_, ExpectedId{"7", "server.properties"},
                                    ExpectedId{"cluster-a", "ZooKeeper at zk:2181"})
                  .ok());
  auto other =
      check_meta_properties(properties, path_, std::nullopt, ExpectedId{"cluster-b", "ZooKeeper at zk:2181"});
  ASSERT_FALSE(other.ok());
  EXPECT_TRUE(other.error().is(ErrorCode::inconsistent_cluster_id));
  for (const std::string& part : {std::string("cluster-a"), std::string("cluster-b"), path_,
                                  std::string("ZooKeeper at zk:2181"), std::string("log.dirs")}) {
    EXPECT_NE(other.error().message.find(part), std::string::npos) << other.error().message;
  }
  EXPECT_FALSE(check_meta_properties(properties, path_, ExpectedId{"8", "server.properties"}, std::nullopt).ok());
}

}  // namespace
}  // namespace gregor
