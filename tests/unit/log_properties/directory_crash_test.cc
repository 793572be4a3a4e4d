// A log directory that is used for a while, ended after every single change that this makes to the disk.
#include <gtest/gtest.h>

#include "broker/log/log_directory.h"
#include "log_machine.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

const std::string kPath = "/data/logs";
const TopicPartition kKept{"kept", 0};
const TopicPartition kDeleted{"deleted", 7};
const MetaProperties kProperties{
    {{"version", "0"}, {"broker.id", "4"}, {"cluster.id", "rpsCU1kSSxu1yI0Pr5bdSQ"}, {"directory.id", "kept"}}};

class DirectoryCrash : public ::testing::TestWithParam<Manner> {
 protected:
  DirectoryCrash() { log::set_level(log::Level::fatal); }

  /// One process: takes the directory, names it, checkpoints, deletes a partition, stops. False where the disk
  /// stopped it; what was done is noted by how far it came.
  void live(testing::MemoryFileSystem& disk, int64_t generation) {
    auto opened = LogDirectory::open(disk, kPath);
    if (disk.is_stopped()) return;
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    LogDirectory& directory = **opened;
    directory.begin_use();
    done_.is_marked = false;
    done_.may_be_marked = done_.may_be_marked && disk.is_stopped();
    if (!directory.set_meta_properties(kProperties)) return;
    done_.is_named = true;
    for (const TopicPartition& name : {kKept, kDeleted}) {
      if (!directory.files().create_directories(directory.path_of(name))) return;
    }
    OffsetCheckpoint offsets{{kKept, Offset(generation)}};
    done_.attempted = generation;
    if (!directory.checkpoints().replace(CheckpointKind::recovery_point, offsets)) return;
    if (!directory.checkpoints().replace(CheckpointKind::log_start, offsets)) return;
    if (!directory.checkpoints().replace(CheckpointKind::high_watermark, offsets)) return;
    done_.written = generation;
    std::string retired = kPath + "/" + deleted_directory_name(kDeleted, Uuid{});
    if (!directory.files().rename(directory.path_of(kDeleted), retired)) return;
    if (!directory.files().sync_directory(kPath)) return;
    done_.is_deleted = true;
    done_.may_be_marked = true;
    done_.is_marked = directory.mark_clean_shutdown().ok();
  }

  void end(testing::MemoryFileSystem& disk) {
    if (GetParam() == Manner::process_end) disk.end_process();
    if (GetParam() == Manner::power_loss) disk.lose_power();
    if (GetParam() == Manner::worst_loss) disk.lose_everything_unsynced();
  }

  void check(testing::MemoryFileSystem& disk) {
    auto opened = LogDirectory::open(disk, kPath);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    LogDirectory& directory = **opened;
    ASSERT_FALSE(directory.health().is_offline());
    EXPECT_TRUE(done_.may_be_marked || !directory.was_clean_shutdown()) << "claims a clean stop that was not";
    EXPECT_TRUE(directory.was_clean_shutdown() || !done_.is_marked) << "forgot a clean stop";
    const auto& properties = directory.meta_properties();
    EXPECT_TRUE(properties || !done_.is_named);
    EXPECT_EQ(properties.value_or(kProperties).values, kProperties.values);
    check_offsets(directory);
    directory.begin_use();
    ASSERT_FALSE(directory.health().is_offline());
    auto entries = disk.list(kPath);
    ASSERT_TRUE(entries.ok());
    for (const DirectoryEntry& entry : *entries) EXPECT_FALSE(entry.name.ends_with("-delete")) << entry.name;
    bool is_there = disk.exists(directory.path_of(kDeleted));
    EXPECT_FALSE(is_there && done_.is_deleted) << "a deleted partition is back";
    done_.may_be_marked = done_.is_marked = false;
  }

  void check_offsets(const LogDirectory& directory) {
    OpenOptions options = directory.open_options(kKept);
    int64_t watermark =
        directory.checkpoints().find(CheckpointKind::high_watermark, kKept).value_or(Offset(0)).value;
    for (int64_t offset : {options.recovery_point.value, options.log_start_offset.value, watermark}) {
      EXPECT_TRUE(offset == done_.written || offset == done_.attempted) << offset;
    }
  }

  struct Done {
    bool is_named = false;
    bool is_deleted = false;
    bool is_marked = false;      ///< the mark of a clean stop is on the disk
    bool may_be_marked = false;  ///< it may be
    int64_t written = 0;         ///< what all checkpoints say
    int64_t attempted = 0;       ///< what some of them may say
  };
  Done done_;
};

TEST_P(DirectoryCrash, LeavesADirectoryThatOpensAndSaysWhatIsTrue) {
  bool is_complete = false;
  for (uint64_t change = 0; !is_complete; ++change) {
    SCOPED_TRACE(std::string(name_of(GetParam())) + " after change " + std::to_string(change));
    done_ = {};
    testing::MemoryFileSystem disk(change);
    disk.put(kPath + "/.lock", {});
    live(disk, 11);
    ASSERT_TRUE(done_.is_marked);
    disk.stop_after(change);
    done_.is_deleted = false;  // there is one of that name again
    live(disk, 22);
    is_complete = !disk.is_stopped();
    end(disk);
    check(disk);
    if (HasFailure()) return;
    // And all the same once more.
    disk.end_process();
    live(disk, 33);
    end(disk);
    check(disk);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(InEveryManner, DirectoryCrash,
                         ::testing::Values(Manner::process_end, Manner::power_loss, Manner::worst_loss),
                         [](const auto& test) {
                           std::string name = name_of(test.param);
                           name[name.find(' ')] = '_';
                           return name;
                         });

}  // namespace
}  // namespace gregor
