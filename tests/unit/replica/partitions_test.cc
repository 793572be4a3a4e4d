#include "broker/replica/partitions.h"

#include "broker/replica/checkpointer.h"

#include <fstream>

#include "partition_fixture.h"
#include "tests/support/faulty_files.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A broker's partitions on two shards, over one log directory that outlives them.
class PartitionsTest : public ::testing::Test {
 protected:
  PartitionsTest() { start(); }

  /// As at the start of a broker: opens the directory and loads what is there.
  void start() {
    partitions_.reset();
    directory_.reset();
    auto opened = LogDirectory::open(files_, home_.path());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    directory_ = std::move(*opened);
    partitions_ = std::make_unique<Partitions>(ReplicaEnvironment{
        kSelf, shards_.all(), pool_, shards_.clock(), random_, std::vector<LogDirectory*>{directory_.get()}});
    std::map<std::string, PartitionSettings> settings;
    for (const auto& name : directory_->partitions()) settings[name.topic] = settings_;
    auto loaded = shards_.run(partitions_->load_all(std::move(settings), 1));
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  }
  /// Nothing in the log's directory can be used until it is mended, for a reason that may pass.
  void damage(int32_t index) {
    files_.failing_path = home_.path() + "/orders-" + std::to_string(index);
    files_.fails_reads = true;
    files_.error = EMFILE;
  }
  void mend() { files_.error = 0; }
  void retry() {
    auto task = [](Partitions& partitions) -> Task<bool> {
      co_await partitions.retry_unavailable();
      co_return true;
    };
    shards_.run(task(*partitions_));
  }
  void close() {
    auto closed = shards_.run(partitions_->close_all(2));
    ASSERT_TRUE(closed.ok()) << closed.error().message;
  }

  std::vector<ErrorCode> lead(int partitions, int32_t epoch = 0, std::string topic = "orders") {
    std::vector<PartitionState> states;
    for (int32_t i = 0; i < partitions; ++i) {
      states.push_back({{topic, i}, uuid_of(7), kSelf, LeaderEpoch(epoch), 0, ids({1}), ids({1})});
    }
    return shards_.run(partitions_->apply(std::move(states), {{topic, settings_}}));
  }
  /// Runs `function` with the partition, on its shard.
  template <class F>
  auto with(int32_t index, F function) {
    TopicPartition name{"orders", index};
    return shards_.call([&] { return function(partitions_->find(name)); }, partitions_->shard_of(name).index());
  }
  bool has(int32_t index) {
    return with(index, [](Partition* partition) { return partition != nullptr; });
  }
  ErrorCode produce(int32_t index) {
    return with(index, [](Partition* partition) {
      Buffer batch = batch_of(2);
      auto outcome = partition->append_as_leader(batch.span(), false, true);
      return outcome.appended ? ErrorCode::none : kafka_code(outcome.appended.error().code);
    });
  }
  int64_t log_end(int32_t index) {
    return with(index, [](Partition* partition) { return partition->log().log_end_offset().value; });
  }
  int64_t high_watermark(int32_t index) {
    return with(index, [](Partition* partition) { return partition->high_watermark().value; });
  }
  std::vector<std::string> directories_of_logs() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(home_.path())) {
      if (entry.is_directory()) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string checkpoint(const std::string& name) {
    std::ifstream file(home_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool has_clean_mark() { return fs::exists(home_.path() + "/.kafka_cleanshutdown"); }

  testing::TemporaryDirectory home_;
  testing::ManualShards shards_{2};
  testing::InlinePool pool_;
  testing::FaultyFileSystem files_;
  SystemRandom random_;
  PartitionSettings settings_;
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<Partitions> partitions_;
};

TEST_F(PartitionsTest, LogsAreMadeForThePartitionsThatTheControllerNames) {
  EXPECT_EQ(lead(3), std::vector<ErrorCode>(3, ErrorCode::none));
  EXPECT_EQ(directories_of_logs(), (std::vector<std::string>{"orders-0", "orders-1", "orders-2"}));
  EXPECT_EQ(produce(2), ErrorCode::none);
  EXPECT_FALSE(has(3));
}

TEST_F(PartitionsTest, EachStateGetsItsOwnError) {
  lead(2, 5);
  lead(1, 7);
  EXPECT_EQ(lead(2, 6), (std::vector<ErrorCode>{ErrorCode::stale_controller_epoch, ErrorCode::none}));
}

TEST_F(PartitionsTest, LogThatCannotBeMadeAnswersStorageErrorAndTheOthersGoOn) {
  std::ofstream(home_.path() + "/orders-1") << "in the way";
  EXPECT_EQ(lead(3), (std::vector<ErrorCode>{ErrorCode::none, ErrorCode::kafka_storage_error, ErrorCode::none}));
}

TEST_F(PartitionsTest, StatesThatCouldNotBeAPartitionMakeNoDirectory) {
  auto state = [](std::string topic, int32_t index, int32_t epoch) {
    return PartitionState{{std::move(topic), index}, uuid_of(7), kSelf, LeaderEpoch(epoch), 0, ids({1}), ids({1})};
  };
  std::vector<PartitionState> states{state("../orders", 0, 0), state("orders", -1, 0), state("orders", 0, -1)};
  auto errors = shards_.run(partitions_->apply(states, {{"../orders", settings_}, {"orders", settings_}}));
  EXPECT_EQ(errors, std::vector<ErrorCode>(3, ErrorCode::invalid_request));
  EXPECT_TRUE(directories_of_logs().empty());
}

TEST_F(PartitionsTest, PartitionNamedTwiceIsOpenedOnce) {
  PartitionState state{{"orders", 0}, uuid_of(7), kSelf, LeaderEpoch(0), 0, ids({1}), ids({1})};
  auto errors = shards_.run(partitions_->apply({state, state}, {{"orders", settings_}}));
  EXPECT_EQ(errors, std::vector<ErrorCode>(2, ErrorCode::none));
  EXPECT_EQ(produce(0), ErrorCode::none);
}

TEST_F(PartitionsTest, ReloadedLogsHaveTheirRecordsAndHighWatermarksButNoRole) {
  lead(3);
  produce(1);
  produce(1);
  close();
  start();
  EXPECT_EQ(log_end(1), 4);
  EXPECT_EQ(high_watermark(1), 4);
  EXPECT_EQ(log_end(2), 0);
  EXPECT_EQ(produce(1), ErrorCode::not_leader_or_follower);
  lead(3);
  EXPECT_EQ(produce(1), ErrorCode::none);
}

TEST_F(PartitionsTest, CloseLeavesCheckpointsAndTheMarkOfACleanShutdown) {
  lead(2);
  produce(1);
  close();
  EXPECT_TRUE(has_clean_mark());
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "0\n2\norders 0 0\norders 1 2\n");
  EXPECT_EQ(checkpoint("recovery-point-offset-checkpoint"), "0\n2\norders 0 0\norders 1 2\n");
  start();
  EXPECT_FALSE(has_clean_mark());
}

TEST_F(PartitionsTest, UncleanStopLosesNoRecordThatWasWritten) {
  lead(2);
  produce(0);
  start();
  EXPECT_EQ(log_end(0), 2);
}

TEST_F(PartitionsTest, WithALogThatCouldNotBeOpenedTheStopIsNoCleanOneAndItsCheckpointsStay) {
  lead(2);
  produce(0);
  produce(1);
  with(1, [](Partition* partition) { return partition->delete_records(Offset(1)).ok(); });
  close();
  damage(1);
  start();
  EXPECT_EQ(lead(2), (std::vector<ErrorCode>{ErrorCode::none, ErrorCode::kafka_storage_error}));
  close();
  EXPECT_FALSE(has_clean_mark());
  EXPECT_EQ(checkpoint("recovery-point-offset-checkpoint"), "0\n2\norders 0 2\norders 1 2\n");
  EXPECT_EQ(checkpoint("log-start-offset-checkpoint"), "0\n1\norders 1 1\n");
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "0\n2\norders 0 2\norders 1 2\n");
  mend();
  start();
  close();
  EXPECT_TRUE(has_clean_mark());
}

TEST_F(PartitionsTest, ALogThatCouldNotBeOpenedIsTriedAgainAndTakesItsRole) {
  lead(1);
  produce(0);
  close();
  damage(0);
  start();
  EXPECT_EQ(lead(1), std::vector<ErrorCode>{ErrorCode::kafka_storage_error});
  mend();
  retry();
  EXPECT_FALSE(has(0)) << "only after a pause";
  shards_.advance(10s);
  retry();
  ASSERT_TRUE(has(0));
  EXPECT_EQ(log_end(0), 2);
  EXPECT_EQ(produce(0), ErrorCode::none) << "as the controller said meanwhile";
}

TEST_F(PartitionsTest, ALogThatCouldNotBeOpenedIsTriedAgainWhenTheControllerNamesIt) {
  lead(1);
  produce(0);
  close();
  damage(0);
  start();
  mend();
  EXPECT_EQ(lead(1), std::vector<ErrorCode>{ErrorCode::none});
  EXPECT_EQ(log_end(0), 2);
}

TEST_F(PartitionsTest, ALogThatLackedRoomIsTriedAgainOnceThereIsSome) {
  lead(1);
  produce(0);
  close();
  damage(0);
  directory_.reset();
  start();
  directory_->health().report(system_error(ENOSPC, "write"));
  shards_.advance(20s);
  retry();
  EXPECT_FALSE(has(0));
  mend();
  retry();
  EXPECT_FALSE(has(0)) << "there is no room yet";
  directory_->health().report_space({1 << 30, 0});
  directory_->health().report_space({1 << 30, 1 << 29});
  retry();
  EXPECT_TRUE(has(0));
}

TEST_F(PartitionsTest, ALogThatCouldNotBeOpenedCanBeDeleted) {
  settings_.file_delete_delay_ms = 1000;
  lead(1);
  produce(0);
  close();
  damage(0);
  start();
  lead(1);
  mend();
  EXPECT_EQ(shards_.run(partitions_->remove({"orders", 0})), ErrorCode::none);
  shards_.advance(1s);
  EXPECT_TRUE(directories_of_logs().empty());
  EXPECT_EQ(lead(1), std::vector<ErrorCode>{ErrorCode::none});
  EXPECT_EQ(log_end(0), 0);
}

TEST_F(PartitionsTest, LogsThatWereNotClosedAreOpenedByManyThreadsAtOnceAndCounted) {
  lead(6);
  for (int32_t i = 0; i < 6; ++i) produce(i);
  partitions_.reset();
  directory_.reset();
  directory_ = std::move(*LogDirectory::open(files_, home_.path()));
  partitions_ = std::make_unique<Partitions>(ReplicaEnvironment{
      kSelf, shards_.all(), pool_, shards_.clock(), random_, std::vector<LogDirectory*>{directory_.get()}});
  pool_.hold();
  auto loaded = shards_.start(partitions_->load_all({{"orders", settings_}}, 4));
  auto step = [&] {
    shards_.call([&] {
      pool_.let_go();
      pool_.hold();
    });
  };
  step();
  EXPECT_EQ(pool_.held(), 4u) << "logs that are being opened";
  step();
  EXPECT_EQ(pool_.held(), 2u);
  auto progress = shards_.call([&] { return partitions_->load_progress(); });
  ASSERT_EQ(progress.size(), 1u);
  EXPECT_EQ(progress[0].loaded, 4u);
  EXPECT_EQ(progress[0].logs, 6u);
  step();
  EXPECT_TRUE(loaded.has_ended());
  shards_.call([&] { pool_.let_go(); });
}

TEST_F(PartitionsTest, RemovedPartitionIsRenamedAtOnceAndGoesAfterTheDelay) {
  settings_.file_delete_delay_ms = 60'000;
  lead(2);
  EXPECT_EQ(shards_.run(partitions_->remove({"orders", 0})), ErrorCode::none);
  EXPECT_FALSE(has(0));
  auto names = directories_of_logs();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_TRUE(names[0].starts_with("orders-0.") && names[0].ends_with("-delete")) << names[0];
  EXPECT_EQ(names[1], "orders-1");
  shards_.advance(59s);
  EXPECT_EQ(directories_of_logs().size(), 2u);
  shards_.advance(1s);
  EXPECT_EQ(directories_of_logs(), std::vector<std::string>{"orders-1"});
}

TEST_F(PartitionsTest, LargestDelayKeepsTheFilesOfADeletedLog) {
  settings_.file_delete_delay_ms = INT64_MAX;
  lead(1);
  EXPECT_EQ(shards_.run(partitions_->remove({"orders", 0})), ErrorCode::none);
  shards_.advance(1h);
  EXPECT_EQ(directories_of_logs().size(), 1u);
}

TEST_F(PartitionsTest, TopicOfTheSameNameCanBeMadeWhileTheOldFilesWait) {
  lead(1, 5);
  produce(0);
  shards_.run(partitions_->remove({"orders", 0}));
  EXPECT_EQ(lead(1, 0), std::vector<ErrorCode>{ErrorCode::none});
  EXPECT_EQ(log_end(0), 0);
}

TEST_F(PartitionsTest, ATopicOfTheSameNameDoesNotBeginWhereTheOldOnesRecordsWereDeletedUpTo) {
  lead(1, 5);
  for (int i = 0; i < 5; ++i) produce(0);
  with(0, [](Partition* partition) { return partition->delete_records(Offset(7)).ok(); });
  close();
  start();
  lead(1, 5);
  shards_.run(partitions_->remove({"orders", 0}));
  EXPECT_EQ(lead(1, 0), std::vector<ErrorCode>{ErrorCode::none});
  EXPECT_EQ(log_end(0), 0);
  EXPECT_EQ(checkpoint("log-start-offset-checkpoint"), "0\n0\n") << "durable before anything is written";
  EXPECT_EQ(checkpoint("recovery-point-offset-checkpoint"), "0\n0\n");
  produce(0);
  start();
  EXPECT_EQ(log_end(0), 2) << "nothing is lost after a crash";
}

TEST_F(PartitionsTest, WhatLiesWhereANewLogIsToBeMadeIsPutAside) {
  lead(1, 5);
  produce(0);
  std::filesystem::copy(home_.path() + "/orders-0", home_.path() + "/orders-1",
                        std::filesystem::copy_options::recursive);
  EXPECT_EQ(lead(2).at(1), ErrorCode::none);
  EXPECT_EQ(log_end(1), 0);
  size_t strays = 0;
  for (const auto& entry : std::filesystem::directory_iterator(home_.path())) {
    std::string name = entry.path().filename();
    if (name.starts_with("orders-1.") && name.ends_with("-stray")) ++strays;
  }
  EXPECT_EQ(strays, 1u);
}

TEST_F(PartitionsTest, VeryManyLogsAreClosedWithoutSyncingEach) {
  constexpr int kLogs = 40;
  lead(kLogs);
  for (int i = 0; i < kLogs; ++i) produce(i);
  int before = files_.syncs;
  close();
  EXPECT_LT(files_.syncs - before, kLogs);
  start();
  for (int i = 0; i < kLogs; ++i) EXPECT_EQ(log_end(i), 2);
}

TEST_F(PartitionsTest, WhereTheFileSystemCannotBeSyncedAsAWholeEachLogIs) {
  constexpr int kLogs = 40;
  lead(kLogs);
  for (int i = 0; i < kLogs; ++i) produce(i);
  files_.supports_sync_all = false;
  int before = files_.syncs;
  close();
  EXPECT_GE(files_.syncs - before, kLogs);
  start();
  for (int i = 0; i < kLogs; ++i) EXPECT_EQ(log_end(i), 2);
}

TEST_F(PartitionsTest, RemovingWhatIsNotThereIsNoError) {
  EXPECT_EQ(shards_.run(partitions_->remove({"orders", 0})), ErrorCode::none);
}

TEST_F(PartitionsTest, RemovalTellsWhoeverWaits) {
  std::vector<PartitionState> states{
      {{"orders", 0}, uuid_of(7), kSelf, LeaderEpoch(0), 0, ids({1, 2}), ids({1, 2})}};
  shards_.run(partitions_->apply(std::move(states), {{"orders", settings_}}));
  produce(0);
  size_t shard = partitions_->shard_of({"orders", 0}).index();
  Partition* partition = with(0, [](Partition* found) { return found; });
  auto produced = shards_.start(partition->wait_until_replicated(Offset(2), 10s), shard);
  auto fetch = with(0, [](Partition* found) {
    auto waiter = std::make_shared<FetchWaiter>(1);
    found->add_waiter(waiter, found->high_watermark());
    return waiter;
  });
  shards_.run(partitions_->remove({"orders", 0}));
  EXPECT_EQ(produced.value(), ErrorCode::not_leader_or_follower);
  EXPECT_TRUE(fetch->is_done());
}

TEST_F(PartitionsTest, NobodyLeadsAfterSuspension) {
  lead(4);
  Shards all = shards_.all();
  auto suspend = [](Partitions& partitions) -> Task<bool> {
    co_await partitions.suspend_all();
    co_return true;
  };
  shards_.run(suspend(*partitions_));
  for (int32_t i = 0; i < 4; ++i) EXPECT_EQ(produce(i), ErrorCode::not_leader_or_follower);
}

Task<bool> stop(Checkpointer& checkpointer) {
  co_await checkpointer.stop();
  co_return true;
}

TEST_F(PartitionsTest, CheckpointerWritesWhatChangedFromTimeToTimeUntilItStops) {
  lead(1);
  Checkpointer checkpointer(*partitions_, pool_, {directory_.get()});
  shards_.call([&] { checkpointer.start({5s, 60s, 60s}); });
  produce(0);
  shards_.advance(5s);
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "0\n1\norders 0 2\n");
  fs::remove(home_.path() + "/replication-offset-checkpoint");
  shards_.advance(5s);
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "") << "nothing had changed";
  EXPECT_TRUE(shards_.run(stop(checkpointer)));
}

TEST_F(PartitionsTest, CheckpointerStopsOnceItsLastWriteHasEnded) {
  lead(1);
  Checkpointer checkpointer(*partitions_, pool_, {directory_.get()});
  shards_.call([&] { checkpointer.start({5s, 60s, 60s}); });
  produce(0);
  pool_.hold();
  shards_.advance(5s);
  auto stopped = shards_.start(stop(checkpointer));
  EXPECT_FALSE(stopped.has_ended());
  shards_.call([&] { pool_.let_go(); });
  EXPECT_TRUE(stopped.has_ended());
}

TEST_F(PartitionsTest, CheckpointThatCouldNotBeWrittenIsTriedAgain) {
  lead(1);
  Checkpointer checkpointer(*partitions_, pool_, {directory_.get()});
  shards_.call([&] { checkpointer.start({5s, 60s, 60s}); });
  produce(0);
  fs::create_directory(home_.path() + "/replication-offset-checkpoint.tmp");
  shards_.advance(5s);
  fs::remove(home_.path() + "/replication-offset-checkpoint.tmp");
  shards_.advance(5s);
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "0\n1\norders 0 2\n");
  shards_.run(stop(checkpointer));
}

}  // namespace
}  // namespace gregor
