#include "broker/replica/log_moves.h"

#include <fmt/format.h>

#include <fstream>

#include "broker/config/options.h"
#include "partition_fixture.h"
#include "tests/support/faulty_files.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const TopicPartition kOrders{"orders", 0};

/// One broker with three log directories and the partition orders-0, which lies in the first of them.
class LogMovesTest : public ::testing::Test {
 protected:
  LogMovesTest() {
    settings_.log.segment_size_bytes = 4 << 20;
    start();
    lead();
  }
  ~LogMovesTest() override { stop(); }

  /// As at the start of a broker. Error: what load_all says.
  Result<void> try_start(Properties options = {}) {
    options["zookeeper.connect"] = "here:2181";
    options["broker.id"] = "1";
    live_ = std::make_unique<LiveConfig>(shards_.all(),
                                         *BrokerConfig::load(options, {}, [] { return std::string("here"); }));
    std::vector<LogDirectory*> all;
    std::map<std::string, PartitionSettings> settings;
    for (const char* name : {"a", "b", "c"}) {
      auto opened = LogDirectory::open(files_, path(name));
      if (!opened) return opened.error();
      directories_[name] = std::move(*opened);
      all.push_back(directories_[name].get());
      for (const auto& partition : all.back()->partitions()) settings[partition.topic] = settings_;
    }
    ReplicaEnvironment environment{kSelf, shards_.all(), pool_, shards_.clock(), random_, all};
    partitions_ = std::make_unique<Partitions>(environment);
    checkpointer_ = std::make_unique<Checkpointer>(*partitions_, pool_, all);
    moves_ = std::make_unique<LogMoves>(environment, *partitions_, *checkpointer_, *live_, 2);
    if (auto loaded = shards_.run(partitions_->load_all(std::move(settings), 1)); !loaded) return loaded;
    auto resume = [](LogMoves& moves) -> Task<bool> {
      co_await moves.resume();
      co_return true;
    };
    shards_.run(resume(*moves_));
    return {};
  }
  void start(Properties options = {}) {
    auto started = try_start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  /// As a process that was killed: nothing is closed.
  void stop() {
    if (moves_) {
      auto stop = [](LogMoves& moves) -> Task<bool> {
        co_await moves.stop();
        co_return true;
      };
      auto stopped = shards_.start(stop(*moves_));
      shards_.call([&] { pool_.let_go(); });
      shards_.advance(1s);
      EXPECT_TRUE(stopped.has_ended());
    }
    moves_.reset();
    checkpointer_.reset();
    partitions_.reset();
    directories_.clear();
  }
  void stop_cleanly() {
    auto ended = [](LogMoves& moves) -> Task<bool> {
      co_await moves.stop();
      co_return true;
    };
    auto stopped = shards_.start(ended(*moves_));
    shards_.call([&] { pool_.let_go(); });
    shards_.advance(1s);
    ASSERT_TRUE(stopped.has_ended());
    auto closed = shards_.run(partitions_->close_all(2));
    ASSERT_TRUE(closed.ok()) << closed.error().message;
    stop();
  }
  void lead() {
    std::vector<PartitionState> states{{kOrders, uuid_of(7), kSelf, LeaderEpoch(3), 0, ids({1}), ids({1})}};
    auto errors = shards_.run(partitions_->apply(std::move(states), {{"orders", settings_}}));
    ASSERT_EQ(errors, std::vector<ErrorCode>{ErrorCode::none});
  }

  std::string path(const std::string& name) const { return home_.path() + "/" + name; }
  testing::Started<ErrorCode> start_move(const std::string& to) {
    return shards_.start(moves_->request(kOrders, to.starts_with('/') ? to : path(to)));
  }
  ErrorCode move(const std::string& to) { return start_move(to).value(); }
  /// Runs what was handed to the background so far, and keeps what follows.
  void step() {
    shards_.call([&] {
      pool_.let_go();
      pool_.hold();
    });
  }
  void let_go() {
    shards_.call([&] { pool_.let_go(); });
  }

  template <class F>
  auto with(F function) {
    return shards_.call([&] { return function(*partitions_->find(kOrders)); }, shard());
  }
  size_t shard() const { return partitions_->shard_of(kOrders).index(); }
  void produce(int records, size_t value_size = 10) {
    BatchBuilder builder;
    std::string value(value_size, 'v');
    for (int i = 0; i < records; ++i) builder.add(kTimestamp + i, "key", value);
    Buffer batch = builder.build();
    auto outcome = with([&](Partition& found) { return found.append_as_leader(batch.span(), false, true); });
    ASSERT_TRUE(outcome.appended.ok()) << outcome.appended.error().message;
  }
  /// About this many MiB, in batches of a quarter.
  void produce_mebibytes(int count) {
    for (int i = 0; i < 4 * count; ++i) produce(1, 256 << 10);
  }
  /// What a consumer gets, from the log's start to its end.
  std::string content() {
    return with([](Partition& found) {
      std::string bytes;
      PartitionLog& log = found.log();
      for (Offset next = log.log_start_offset(); next < log.log_end_offset();) {
        auto read = log.read(next, log.log_end_offset(), 1 << 30, true);
        EXPECT_TRUE(read.ok());
        for (const FileSlice& slice : read->slices) {
          std::vector<uint8_t> part(slice.size);
          EXPECT_TRUE(slice.file->read_at(slice.position, part).ok());
          bytes.append(part.begin(), part.end());
          BatchIterator batches(part);
          while (auto batch = batches.next()) next = batch->next_offset();
        }
      }
      return bytes;
    });
  }
  int64_t log_start() {
    return with([](Partition& found) { return found.log().log_start_offset().value; });
  }
  int64_t log_end() {
    return with([](Partition& found) { return found.log().log_end_offset().value; });
  }
  std::string place() {
    return fs::path(with([](Partition& found) { return found.directory().path(); })).filename();
  }
  bool is_moving() {
    return with([](Partition& found) { return found.future() != nullptr; });
  }
  /// The directories of logs below `name`, whose unique parts are left out.
  std::vector<std::string> logs_in(const std::string& name) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path(name))) {
      if (!entry.is_directory()) continue;
      std::string text = entry.path().filename();
      size_t dot = text.find('.');
      found.push_back(dot == std::string::npos ? text : text.substr(0, dot) + text.substr(text.rfind('-')));
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static std::vector<std::string> names(std::initializer_list<std::string> all) { return all; }

  testing::TemporaryDirectory home_;
  testing::ManualShards shards_{2};
  testing::InlinePool pool_;
  testing::FaultyFileSystem files_;
  SystemRandom random_;
  PartitionSettings settings_;
  std::unique_ptr<LiveConfig> live_;
  std::map<std::string, std::unique_ptr<LogDirectory>> directories_;
  std::unique_ptr<Partitions> partitions_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<LogMoves> moves_;
};

TEST_F(LogMovesTest, ALogLiesInTheOtherDirectoryAfterwards) {
  produce_mebibytes(9);
  std::string before = content();
  EXPECT_EQ(move("b"), ErrorCode::none);
  EXPECT_EQ(place(), "b");
  EXPECT_EQ(content(), before);
  EXPECT_EQ(logs_in("b"), names({"orders-0"}));
  EXPECT_EQ(logs_in("a"), names({"orders-0-delete"}));
  shards_.advance(std::chrono::milliseconds(settings_.file_delete_delay_ms));
  EXPECT_EQ(logs_in("a"), names({}));
  produce(2);
  EXPECT_EQ(log_end(), 38);
}

TEST_F(LogMovesTest, NothingThatIsWrittenMeanwhileIsMissing) {
  produce_mebibytes(4);
  pool_.hold();
  auto answer = start_move("b");
  int steps = 0;
  for (; steps < 40 && (!answer.has_ended() || is_moving()); ++steps) {
    produce(3);
    step();
  }
  EXPECT_GT(steps, 4) << "it was written to in between";
  EXPECT_LT(steps, 40) << "it came to an end although somebody went on writing";
  let_go();
  EXPECT_EQ(place(), "b");
  EXPECT_EQ(log_end(), 16 + 3 * steps);
  std::string moved = content();
  stop();
  start();
  EXPECT_EQ(place(), "b");
  EXPECT_EQ(content(), moved);
}

TEST_F(LogMovesTest, WhatWasDurableIsDurableInTheNewPlace) {
  produce(5);
  shards_.run(partitions_->flush(kOrders, Offset(5)), shard());
  ASSERT_EQ(with([](Partition& found) { return found.log().recovery_point(); }), Offset(5));
  move("b");
  EXPECT_GE(with([](Partition& found) { return found.log().recovery_point(); }), Offset(5));
}

TEST_F(LogMovesTest, TheNewPlaceStartsWhereRecordsWereDeletedUpTo) {
  for (int i = 0; i < 5; ++i) produce(10);
  with([](Partition& found) { return found.delete_records(Offset(15)).ok(); });
  EXPECT_EQ(move("b"), ErrorCode::none);
  EXPECT_EQ(log_start(), 15);
  EXPECT_EQ(log_end(), 50);
  stop();
  start();
  EXPECT_EQ(log_start(), 15) << "it is in the checkpoint of the new place";
}

TEST_F(LogMovesTest, RecordsMayBeDeletedWhileTheyAreCopied) {
  produce_mebibytes(4);
  pool_.hold();
  auto answer = start_move("b");
  step();
  step();
  with([](Partition& found) { return found.delete_records(Offset(13)).ok(); });
  let_go();
  EXPECT_EQ(place(), "b");
  EXPECT_EQ(log_start(), 13);
  EXPECT_EQ(log_end(), 16);
}

TEST_F(LogMovesTest, EpochsAndProducersAreKnownInTheNewPlace) {
  BatchOptions options;
  options.producer_id = 4711;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  BatchBuilder builder(options);
  builder.add(kTimestamp, "key", "value");
  Buffer batch = builder.build();
  Buffer again = Buffer::copy_of(batch.view());
  with([&](Partition& found) { return found.append_as_leader(batch.span(), false, true).appended.ok(); });
  produce(1);
  move("b");
  auto repeated = with([&](Partition& found) { return found.append_as_leader(again.span(), false, true); });
  ASSERT_TRUE(repeated.appended.ok());
  EXPECT_TRUE(repeated.appended->is_duplicate);
  auto end = with([](Partition& found) { return found.end_offset_for_epoch(LeaderEpoch(3), kNoEpoch); });
  ASSERT_TRUE(end.ok() && *end);
  EXPECT_EQ((*end)->end_offset, Offset(2));
}

TEST_F(LogMovesTest, AskedForTheSamePlaceAgainItGoesOn) {
  produce(1);
  pool_.hold();
  auto first = start_move("b");
  step();
  auto second = start_move("b");
  EXPECT_EQ(first.value(), ErrorCode::none);
  EXPECT_EQ(second.value(), ErrorCode::none);
  EXPECT_EQ(logs_in("b"), names({"orders-0-future"}));
  let_go();
  EXPECT_EQ(place(), "b");
}

TEST_F(LogMovesTest, AskedForAnotherPlaceItGoesThere) {
  produce(1);
  pool_.hold();
  auto first = start_move("b");
  step();
  auto second = start_move("c");
  let_go();
  EXPECT_EQ(second.value(), ErrorCode::none);
  EXPECT_EQ(place(), "c");
  EXPECT_EQ(logs_in("b"), names({}));
}

TEST_F(LogMovesTest, AskedForItsOwnPlaceItStays) {
  produce(1);
  pool_.hold();
  auto first = start_move("b");
  step();
  EXPECT_EQ(move("a"), ErrorCode::none);
  let_go();
  EXPECT_EQ(place(), "a");
  EXPECT_FALSE(is_moving());
  EXPECT_EQ(logs_in("b"), names({}));
  EXPECT_EQ(logs_in("a"), names({"orders-0"}));
}

TEST_F(LogMovesTest, ADirectoryThatIsNotInLogDirsIsRefused) {
  EXPECT_EQ(move("/somewhere/else"), ErrorCode::log_dir_not_found);
  EXPECT_EQ(move("d"), ErrorCode::log_dir_not_found);
}

TEST_F(LogMovesTest, APartitionThatIsNotHereIsMadeThereOnceItComes) {
  TopicPartition name{"payments", 0};
  EXPECT_EQ(shards_.run(moves_->request(name, path("c"))), ErrorCode::replica_not_available);
  std::vector<PartitionState> states{{name, uuid_of(8), kSelf, LeaderEpoch(0), 0, ids({1}), ids({1})}};
  shards_.run(partitions_->apply(std::move(states), {{"payments", settings_}}));
  EXPECT_EQ(logs_in("c"), names({"payments-0"}));
}

TEST_F(LogMovesTest, APartitionThatIsDeletedMeanwhileLeavesNothingBehind) {
  produce(1);
  pool_.hold();
  start_move("b");
  step();
  auto removed = shards_.start(partitions_->remove(kOrders));
  let_go();
  EXPECT_EQ(removed.value(), ErrorCode::none);
  EXPECT_EQ(logs_in("b"), names({}));
  shards_.advance(std::chrono::milliseconds(settings_.file_delete_delay_ms));
  EXPECT_EQ(logs_in("a"), names({}));
}

TEST_F(LogMovesTest, AMoveThatAStopInterruptedGoesOnAtTheNextStart) {
  for (bool is_clean : {true, false}) {
    produce_mebibytes(3);
    std::string before = content();
    std::string to = is_clean ? "b" : "c";
    pool_.hold();
    start_move(to);
    step();
    step();
    EXPECT_TRUE(is_moving());
    is_clean ? stop_cleanly() : stop();
    EXPECT_EQ(logs_in(to), names({"orders-0-future"}));
    start();
    EXPECT_EQ(place(), to);
    EXPECT_EQ(content(), before);
    lead();
  }
}

TEST_F(LogMovesTest, AMoveWhoseEndWasInterruptedIsEndedAtTheNextStart) {
  produce(5);
  std::string before = content();
  ASSERT_TRUE(directories_["a"]->mark_moved(kOrders, *directories_["b"]).ok());
  stop();
  fs::copy(path("a") + "/orders-0", path("b") + "/orders-0", fs::copy_options::recursive);
  fs::remove(path("b") + "/orders-0/moved-to");
  start();
  EXPECT_EQ(place(), "b");
  EXPECT_EQ(content(), before);
  EXPECT_EQ(logs_in("a"), names({}));
}

TEST_F(LogMovesTest, ALogIsNotServedThatMayHaveGivenWayToOneOnAnOfflineDisk) {
  produce(5);
  ASSERT_TRUE(directories_["a"]->mark_moved(kOrders, *directories_["b"]).ok());
  stop();
  files_.failing_path = path("b");
  files_.error = EIO;
  start();
  EXPECT_FALSE(shards_.call([&] { return partitions_->find(kOrders) != nullptr; }, shard()));
  EXPECT_EQ(shards_.call([&] { return partitions_->why_absent(kOrders); }, shard()),
            ErrorCode::kafka_storage_error);
  stop();
  files_.error = 0;
  start();
  EXPECT_EQ(place(), "a") << "there was nothing in the other one";
  EXPECT_FALSE(fs::exists(path("a") + "/orders-0/moved-to"));
}

TEST_F(LogMovesTest, ACopyOfRecordsThatWereLostAndWrittenAnewIsNotGoneOnWith) {
  produce_mebibytes(3);
  pool_.hold();
  start_move("b");
  for (int i = 0; i < 5; ++i) step();
  int64_t copied = with([](Partition& found) { return found.future()->log->log_end_offset().value; });
  ASSERT_GT(copied, 2);
  stop();
  // As a disk leaves it that lost its last writes, after which others came while the copy could not be seen.
  fs::rename(path("b"), path("b-away"));
  std::string segment = path("a") + "/orders-0/00000000000000000000.log";
  fs::resize_file(segment, fs::file_size(segment) / 12 * 2);
  start();
  lead();
  ASSERT_EQ(log_end(), 2);
  for (int i = 0; i < 12; ++i) produce(1, 200 << 10);
  std::string before = content();
  stop();
  fs::remove_all(path("b"));
  fs::rename(path("b-away"), path("b"));
  start();
  shards_.advance(1s);
  EXPECT_EQ(content(), before);
  EXPECT_EQ(place(), "a");
  EXPECT_EQ(logs_in("b"), names({}));
}

TEST_F(LogMovesTest, APartitionInTwoDirectoriesForAnotherReasonIsRefused) {
  produce(5);
  stop();
  fs::copy(path("a") + "/orders-0", path("b") + "/orders-0", fs::copy_options::recursive);
  auto started = try_start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("orders-0 lies in two log directories"), std::string::npos);
}

TEST_F(LogMovesTest, TheRateThatIsSetIsKept) {
  stop();
  start({{"replica.alter.log.dirs.io.max.bytes.per.second", "1048576"}});
  lead();
  produce_mebibytes(4);
  start_move("b");
  shards_.advance(3s);
  EXPECT_EQ(place(), "a");
  shards_.advance(2s);
  EXPECT_EQ(place(), "b");
}

TEST_F(LogMovesTest, TheRateIsKeptAcrossSegmentsToo) {
  settings_.log.segment_size_bytes = 1 << 20;
  stop();
  start({{"replica.alter.log.dirs.io.max.bytes.per.second", "1048576"}});
  lead();
  produce_mebibytes(6);
  ASSERT_GT(with([](Partition& found) { return found.log().segment_count(); }), 5u);
  start_move("b");
  shards_.advance(4s);
  EXPECT_EQ(place(), "a");
  shards_.advance(4s);
  EXPECT_EQ(place(), "b");
}

TEST_F(LogMovesTest, WhatRollsHadMadeDurableIsDurableInTheNewPlace) {
  settings_.log.segment_size_bytes = 1 << 20;
  stop();
  start();
  lead();
  produce_mebibytes(6);
  shards_.run(partitions_->flush(kOrders, Offset(24)), shard());
  Offset durable = with([](Partition& found) { return found.log().recovery_point(); });
  ASSERT_EQ(durable, Offset(24));
  move("b");
  EXPECT_EQ(place(), "b");
  EXPECT_GE(with([](Partition& found) { return found.log().recovery_point(); }), durable);
}

TEST_F(LogMovesTest, ACopyOfADeletedTopicIsNotTakenForOneOfItsSuccessor) {
  produce(5);
  pool_.hold();
  start_move("b");
  step();
  stop();
  ASSERT_EQ(logs_in("b"), names({"orders-0-future"}));
  fs::remove_all(path("a") + "/orders-0");
  start();
  std::vector<PartitionState> states{{kOrders, uuid_of(9), kSelf, LeaderEpoch(0), 0, ids({1}), ids({1})}};
  shards_.run(partitions_->apply(std::move(states), {{"orders", settings_}}));
  produce(2);
  std::string successors = content();
  std::string its_place = place();
  stop();
  start();
  EXPECT_EQ(place(), its_place);
  EXPECT_EQ(content(), successors);
  EXPECT_EQ(logs_in("b"), its_place == "b" ? names({"orders-0"}) : names({}));
}

TEST_F(LogMovesTest, APartitionIsDeletedOnlyOnceItsSyncHasEnded) {
  produce(5);
  pool_.hold();
  auto flushed = shards_.start(partitions_->flush(kOrders, Offset(5)), shard());
  auto removed = shards_.start(partitions_->remove(kOrders));
  EXPECT_FALSE(removed.has_ended());
  step();
  let_go();
  EXPECT_TRUE(removed.has_ended());
  EXPECT_TRUE(flushed.has_ended());
  EXPECT_FALSE(directories_["a"]->health().is_offline());
}

TEST_F(LogMovesTest, AFailingDestinationLeavesTheLogWhereItIs) {
  produce_mebibytes(2);
  pool_.hold();
  start_move("b");
  step();
  directories_["b"]->health().take_offline(Error{std::error_code(EIO, std::system_category()), "gone"});
  auto offline = shards_.start(partitions_->take_offline(*directories_["b"]));
  let_go();
  EXPECT_EQ(offline.value(), 0u);
  EXPECT_FALSE(is_moving());
  EXPECT_EQ(place(), "a");
  produce(1);
  EXPECT_EQ(move("b"), ErrorCode::kafka_storage_error);
}

}  // namespace
}  // namespace gregor
