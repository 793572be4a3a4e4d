#include "broker/replica/partition.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "partition_fixture.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

// --- roles and epochs ---

TEST_F(PartitionTest, WithoutARoleLeadsNothing) {
  EXPECT_EQ(produce_error(), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(read_error(from(0)), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, LeaderAppendsAtTheEndOfItsLog) {
  lead();
  EXPECT_EQ(produce(3).appended->first_offset, Offset(0));
  EXPECT_EQ(produce(2).appended->first_offset, Offset(3));
  EXPECT_EQ(readable_from(0), (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST_F(PartitionTest, FollowerTakesNoRecordsAndAnswersNoConsumer) {
  follow(3);
  EXPECT_EQ(produce_error(), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(read_error(from(0)), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, ClientWithAnOlderEpochIsFencedAndWithANewerOneToldSo) {
  lead(5);
  EXPECT_EQ(partition_->check_leader(kNoEpoch), ErrorCode::none);
  EXPECT_EQ(partition_->check_leader(LeaderEpoch(5)), ErrorCode::none);
  EXPECT_EQ(partition_->check_leader(LeaderEpoch(4)), ErrorCode::fenced_leader_epoch);
  EXPECT_EQ(partition_->check_leader(LeaderEpoch(6)), ErrorCode::unknown_leader_epoch);
}

TEST_F(PartitionTest, OlderStateIsLeftAside) {
  lead(5);
  auto applied = apply(state(kOther, 4, {2}));
  ASSERT_FALSE(applied.ok());
  EXPECT_TRUE(applied.error().is(ErrorCode::stale_controller_epoch));
  EXPECT_TRUE(partition_->is_leader());
}

TEST_F(PartitionTest, StateOfAnotherTopicOfThatNameIsRefused) {
  lead();
  auto other = state(kSelf, 9, {1});
  other.topic_id = uuid_of(8);
  auto applied = apply(other);
  ASSERT_FALSE(applied.ok());
  EXPECT_TRUE(applied.error().is(ErrorCode::inconsistent_topic_id));
  EXPECT_EQ(partition_->leader_epoch(), LeaderEpoch(0));
}

TEST_F(PartitionTest, TopicIdIsKeptWithTheLog) {
  lead();
  open();
  EXPECT_EQ(partition_->log().topic_id(), uuid_of(7));
}

TEST_F(PartitionTest, SuspendedAnswersNotLeaderAtOnceToWhoeverWaits) {
  lead(5, {1, 2});
  auto produced = produce(1);
  auto waiting = await_replicated(1);
  auto fetch = wait_for_bytes(1);
  EXPECT_FALSE(waiting.has_ended());
  suspend();
  EXPECT_EQ(waiting.value(), ErrorCode::not_leader_or_follower);
  EXPECT_TRUE(fetch->is_done());
  EXPECT_EQ(produce_error(), ErrorCode::not_leader_or_follower);
  EXPECT_EQ(read_error(from(0)), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, SuspendedLeadsAgainInTheSameEpochOnceTheControllerSaysSo) {
  lead(5);
  produce(2);
  suspend();
  lead(5);
  EXPECT_EQ(produce(1).appended->first_offset, Offset(2));
  EXPECT_EQ(readable_from(0), (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(PartitionTest, FailedLogAnswersStorageErrorFromThenOn) {
  lead();
  auto fetch = wait_for_bytes(1);
  shards_.call([&] { partition_->fail(system_error(EIO, "sync")); });
  EXPECT_TRUE(fetch->is_done());
  EXPECT_EQ(produce_error(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(kafka_code(apply(state(kSelf, 1, {1})).error().code), ErrorCode::kafka_storage_error);
  EXPECT_EQ(read_error(from(0)), ErrorCode::kafka_storage_error);
}

// --- acknowledgement ---

TEST_F(PartitionTest, AloneInSyncHasReplicatedWhatItAppended) {
  lead();
  ProduceOutcome outcome = produce(2, true);
  EXPECT_TRUE(outcome.appended.ok());
  EXPECT_TRUE(outcome.is_replicated);
}

TEST_F(PartitionTest, TooFewInSyncReplicasRefuseAcksAllBeforeAnythingIsWritten) {
  settings_.min_insync_replicas = 2;
  lead();
  EXPECT_EQ(produce_error(1, true), ErrorCode::not_enough_replicas);
  EXPECT_EQ(partition_->log().log_end_offset(), Offset(0));
  EXPECT_EQ(produce_error(1, false), ErrorCode::none);
}

TEST_F(PartitionTest, AcksAllWaitsForTheInSyncFollower) {
  lead(0, {1, 2});
  ProduceOutcome outcome = produce(1, true);
  ASSERT_TRUE(outcome.appended.ok());
  EXPECT_FALSE(outcome.is_replicated);
  auto waiting = await_replicated(1, 300ms);
  EXPECT_FALSE(waiting.has_ended());
  shards_.advance(300ms);
  EXPECT_EQ(waiting.value(), ErrorCode::request_timed_out);
}

TEST_F(PartitionTest, AcksAllIsFulfilledWhenTheSlowFollowerLeavesTheInSyncSet) {
  lead(0, {1, 2});
  produce(1, true);
  auto waiting = await_replicated(1);
  lead(0, {1});
  ASSERT_TRUE(waiting.has_ended());
  EXPECT_EQ(waiting.value(), ErrorCode::none);
}

TEST_F(PartitionTest, LeaderThatStaysLeaderInANewEpochGoesOnWithItsWaitingRequests) {
  lead(0, {1, 2});
  produce(1, true);
  auto waiting = await_replicated(1);
  lead(1, {1, 2});
  EXPECT_FALSE(waiting.has_ended());
  lead(2, {1});
  ASSERT_TRUE(waiting.has_ended());
  EXPECT_EQ(waiting.value(), ErrorCode::none);
}

TEST_F(PartitionTest, AcksAllIsToldWhenTheInSyncSetBecameTooSmallAfterTheAppend) {
  settings_.min_insync_replicas = 2;
  lead(0, {1, 2});
  produce(1, true);
  auto waiting = await_replicated(1);
  lead(0, {1});
  ASSERT_TRUE(waiting.has_ended());
  EXPECT_EQ(waiting.value(), ErrorCode::not_enough_replicas_after_append);
  EXPECT_EQ(await_replicated(1).value(), ErrorCode::not_enough_replicas_after_append);
}

TEST_F(PartitionTest, AcksAllIsToldWhenLeadershipIsLost) {
  lead(0, {1, 2});
  produce(1, true);
  auto waiting = await_replicated(1);
  follow(1);
  EXPECT_EQ(waiting.value(), ErrorCode::not_leader_or_follower);
}

TEST_F(PartitionTest, WaitThatBeginsAfterLeadershipWasLostEndsAtOnce) {
  lead(0, {1, 2});
  produce(1, true);
  follow(1);
  auto waiting = await_replicated(1);
  ASSERT_TRUE(waiting.has_ended());
  EXPECT_EQ(waiting.value(), ErrorCode::not_leader_or_follower);
}

// --- reading ---

TEST_F(PartitionTest, ConsumerNeverSeesBeyondTheHighWatermark) {
  lead(0, {1});
  produce(2);
  lead(0, {1, 2});
  produce(3);
  EXPECT_EQ(readable_from(0), (std::vector<int64_t>{0, 1}));
  EXPECT_TRUE(readable_from(2).empty());
  EXPECT_TRUE(readable_from(4).empty());
  EXPECT_TRUE(readable_from(5).empty());
  EXPECT_EQ(read_error(from(6)), ErrorCode::offset_out_of_range);
}

TEST_F(PartitionTest, CheckpointedHighWatermarkIsCutToTheLog) {
  lead();
  produce(3);
  open(Offset(100));
  EXPECT_EQ(partition_->high_watermark(), Offset(3));
}

TEST_F(PartitionTest, ConsumerOfAnEpochThatEndedEarlierIsToldWhereTheLogsPart) {
  lead(1);
  produce(2);
  lead(4);
  produce(2);
  ReadRequest request = from(3);
  request.last_fetched_epoch = LeaderEpoch(1);
  auto outcome = read(request);
  ASSERT_TRUE(outcome.ok());
  ASSERT_TRUE(outcome->diverging.has_value());
  EXPECT_EQ(outcome->diverging->epoch, LeaderEpoch(1));
  EXPECT_EQ(outcome->diverging->end_offset, Offset(2));
  EXPECT_EQ(outcome->data.size_bytes, 0u);
}

TEST_F(PartitionTest, ConsumerOfAnEpochThatNeverWasHereIsToldTheGreatestCommonOne) {
  lead(1);
  produce(2);
  lead(4);
  produce(2);
  ReadRequest request = from(3);
  request.last_fetched_epoch = LeaderEpoch(3);
  auto outcome = read(request);
  ASSERT_TRUE(outcome.ok());
  ASSERT_TRUE(outcome->diverging.has_value());
  EXPECT_EQ(outcome->diverging->epoch, LeaderEpoch(1));
  EXPECT_EQ(outcome->diverging->end_offset, Offset(2));
}

TEST_F(PartitionTest, ConsumerThatAgreesReadsOn) {
  lead(1);
  produce(2);
  lead(4);
  produce(2);
  ReadRequest request = from(2);
  request.last_fetched_epoch = LeaderEpoch(1);
  auto outcome = read(request);
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->diverging.has_value());
  EXPECT_GT(outcome->data.size_bytes, 0u);
}

TEST_F(PartitionTest, EpochFromTheFutureIsOutOfRange) {
  lead(1);
  produce(2);
  ReadRequest request = from(1);
  request.last_fetched_epoch = LeaderEpoch(9);
  EXPECT_EQ(read_error(request), ErrorCode::offset_out_of_range);
}

TEST_F(PartitionTest, OffsetBeforeTheLogsStartIsOutOfRangeWhateverTheEpoch) {
  lead(1);
  produce(2);
  lead(4);
  produce(2);
  ASSERT_TRUE(shards_.call([&] { return partition_->log().advance_log_start_offset(Offset(3)).ok(); }));
  ReadRequest request = from(1);
  request.last_fetched_epoch = LeaderEpoch(2);
  EXPECT_EQ(read_error(request), ErrorCode::offset_out_of_range);
}

// --- ListOffsets ---

TEST_F(PartitionTest, SpecialTimestampsStandForPlacesInTheLog) {
  lead(3);
  produce(2, false, 1000);
  produce(2, false, 500);
  auto look = [&](int64_t timestamp) {
    return *shards_.call([&] { return partition_->list_offset(timestamp, kNoEpoch); });
  };
  EXPECT_EQ(look(list_offsets::kEarliest)->offset, Offset(0));
  EXPECT_EQ(look(list_offsets::kEarliest)->leader_epoch, LeaderEpoch(3));
  EXPECT_EQ(look(list_offsets::kLatest)->offset, Offset(4));
  EXPECT_EQ(look(list_offsets::kLatest)->leader_epoch, LeaderEpoch(3));
  EXPECT_EQ(look(list_offsets::kLatest)->timestamp, kNoTimestamp);
  EXPECT_EQ(look(list_offsets::kMaxTimestamp)->timestamp, 1001);
  EXPECT_EQ(look(list_offsets::kMaxTimestamp)->offset, Offset(1));
  EXPECT_EQ(look(list_offsets::kEarliestLocal)->offset, Offset(0));
  EXPECT_FALSE(look(list_offsets::kLatestTiered).has_value());
  EXPECT_EQ(look(1001)->offset, Offset(1));
  EXPECT_FALSE(look(1002).has_value());
}

TEST_F(PartitionTest, ListOffsetsShowsNothingBeyondTheHighWatermark) {
  lead();
  produce(1, false, 1000);
  lead(0, {1, 2});
  produce(1, false, 2000);
  auto look = [&](int64_t timestamp) {
    return *shards_.call([&] { return partition_->list_offset(timestamp, kNoEpoch); });
  };
  EXPECT_EQ(look(list_offsets::kLatest)->offset, Offset(1));
  EXPECT_FALSE(look(2000).has_value());
}

TEST_F(PartitionTest, AReplicaListsOffsetsToTheEndOfTheLog) {
  lead();
  produce(1, false, 1000);
  lead(0, {1, 2});
  produce(1, false, 2000);
  auto look = [&](int64_t timestamp) {
    return *shards_.call([&] { return partition_->list_offset(timestamp, kNoEpoch, OffsetsReader::replica); });
  };
  EXPECT_EQ(look(list_offsets::kLatest)->offset, Offset(2));
  EXPECT_EQ(look(2000)->offset, Offset(1));
}

TEST_F(PartitionTest, ANewLeaderListsNoOffsetsThatItsPredecessorMayHaveShownAlready) {
  lead(1);
  produce(2, false, 1000);
  lead(2, {1, 2});
  produce(1, false, 2000);
  follow(3);
  lead(4, {1, 2});
  ASSERT_EQ(partition_->high_watermark(), Offset(2));
  auto look = [&](int64_t timestamp, OffsetsReader reader = OffsetsReader::consumer) {
    return shards_.call([&] { return partition_->list_offset(timestamp, kNoEpoch, reader); });
  };
  for (int64_t timestamp : {list_offsets::kLatest, list_offsets::kMaxTimestamp, int64_t(2000), int64_t(3000)}) {
    for (auto reader : {OffsetsReader::consumer, OffsetsReader::committed_consumer}) {
      auto refused = look(timestamp, reader);
      ASSERT_FALSE(refused.ok()) << timestamp;
      EXPECT_TRUE(refused.error().is(ErrorCode::offset_not_available)) << refused.error().message;
    }
    EXPECT_TRUE(look(timestamp, OffsetsReader::replica).ok()) << timestamp;
  }
  EXPECT_EQ((*look(list_offsets::kEarliest))->offset, Offset(0));
  EXPECT_EQ((*look(1000))->offset, Offset(0)) << "this much is known";

  lead(4, {1});
  EXPECT_EQ((*look(list_offsets::kLatest))->offset, Offset(3));
  EXPECT_FALSE((*look(3000)).has_value());
}

TEST_F(PartitionTest, AnEpochBeginsOnceHoweverOftenItsStateComes) {
  lead(2, {1, 2});
  produce(3);
  suspend();
  lead(2, {1, 2});
  auto latest = shards_.call([&] { return partition_->list_offset(list_offsets::kLatest, kNoEpoch); });
  ASSERT_TRUE(latest.ok()) << latest.error().message;
  EXPECT_EQ((*latest)->offset, Offset(0));
}

// What UnifiedLog.legacyFetchOffsetsBefore and Partition.legacyFetchOffsetsForTimestamp say.
class OldListOffsetsTest : public PartitionTest {
 protected:
  OldListOffsetsTest() {
    settings_.log.segment_size_bytes = 300;
    open();
    lead();
    for (int i = 0; i < 5; ++i) produce(10);  // a segment for each
  }
  void set_changed(int64_t base_offset, int64_t wall_ms) {
    std::string path = segment_file_path(directory_->path_of({"orders", 0}), Offset(base_offset), ".log");
    timespec time{wall_ms / 1000, wall_ms % 1000 * 1'000'000};
    timespec times[2]{time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0) << path;
  }
  std::vector<int64_t> look(int64_t timestamp, size_t count = 10, OffsetsReader reader = OffsetsReader::consumer) {
    auto found = shards_.call([&] { return partition_->list_offsets_backwards(timestamp, count, reader); });
    EXPECT_TRUE(found.ok()) << found.error().message;
    std::vector<int64_t> offsets;
    for (Offset offset : *found) offsets.push_back(offset.value);
    return offsets;
  }
  using Offsets = std::vector<int64_t>;
};

TEST_F(OldListOffsetsTest, ListsWhereSegmentsBeginAndTheEnd) {
  EXPECT_EQ(look(list_offsets::kLatest), (Offsets{50, 40, 30, 20, 10, 0}));
  EXPECT_EQ(look(list_offsets::kLatest, 2), (Offsets{50, 40}));
  EXPECT_EQ(look(list_offsets::kLatest, 0), Offsets());
  EXPECT_EQ(look(list_offsets::kEarliest), (Offsets{0}));
}

TEST_F(OldListOffsetsTest, BeginsWhereTheLogStarts) {
  ASSERT_TRUE(shards_.call([&] { return partition_->delete_records(Offset(45)).ok(); }));
  EXPECT_EQ(look(list_offsets::kEarliest), (Offsets{45}));
  EXPECT_EQ(look(list_offsets::kLatest), (Offsets{50, 45}));
}

TEST_F(OldListOffsetsTest, GoesByWhenSegmentsLastChanged) {
  for (int64_t i = 0; i < 5; ++i) set_changed(i * 10, 1'000'000 * (i + 1));
  EXPECT_EQ(look(3'500'000), (Offsets{20, 10, 0}));
  EXPECT_EQ(look(3'000'000), (Offsets{20, 10, 0}));
  EXPECT_EQ(look(2'999'999), (Offsets{10, 0}));
  EXPECT_EQ(look(999'999), Offsets());
  EXPECT_EQ(look(shards_.clock().wall_ms()), (Offsets{50, 40, 30, 20, 10, 0})) << "the end is of now";
  EXPECT_EQ(look(shards_.clock().wall_ms() - 1), (Offsets{40, 30, 20, 10, 0}));
}

TEST_F(OldListOffsetsTest, EndsForConsumersAtTheHighWatermark) {
  lead(0, {1, 2});
  for (int i = 0; i < 2; ++i) produce(10);
  EXPECT_EQ(look(list_offsets::kLatest), (Offsets{50, 50, 40, 30, 20, 10, 0}));
  EXPECT_EQ(look(list_offsets::kLatest, 1), (Offsets{50}));
  EXPECT_EQ(look(list_offsets::kLatest, 2, OffsetsReader::replica), (Offsets{70, 60}));
}

TEST_F(PartitionTest, ListOffsetsIsFencedByTheEpoch) {
  lead(3);
  auto fenced = shards_.call([&] { return partition_->list_offset(list_offsets::kLatest, LeaderEpoch(2)); });
  ASSERT_FALSE(fenced.ok());
  EXPECT_TRUE(fenced.error().is(ErrorCode::fenced_leader_epoch));
}

// --- waiting fetches ---

TEST_F(PartitionTest, FetchIsWokenExactlyWhenEnoughBytesAreReadable) {
  lead();
  uint64_t size = produce(1).appended->size_bytes;
  auto fetch = wait_for_bytes(static_cast<int64_t>(2 * size));
  produce(1);
  EXPECT_FALSE(fetch->is_done());
  produce(1);
  EXPECT_TRUE(fetch->is_done());
}

TEST_F(PartitionTest, FetchIsNotWokenByWhatIsNotReplicated) {
  lead(0, {1, 2});
  auto fetch = wait_for_bytes(1);
  produce(5);
  EXPECT_FALSE(fetch->is_done());
  lead(0, {1});
  EXPECT_TRUE(fetch->is_done());
}

TEST_F(PartitionTest, FetchThatSawLessThanIsReadableIsWokenAtOnce) {
  lead();
  auto fetch = shards_.call([] { return std::make_shared<FetchWaiter>(1 << 20); });
  produce(1);
  shards_.call([&] { partition_->add_waiter(fetch, Offset(0)); });
  EXPECT_TRUE(fetch->is_done());
}

TEST_F(PartitionTest, FetchIsWokenWhenLeadershipIsLost) {
  lead();
  auto fetch = wait_for_bytes(1);
  follow(1);
  EXPECT_TRUE(fetch->is_done());
  EXPECT_TRUE(wait_for_bytes(1)->is_done());
}

TEST_F(PartitionTest, FetchIsWokenWhenRecordsAreDeleted) {
  lead();
  produce(2);
  auto fetch = wait_for_bytes(1000);
  auto delete_up_to = [&](int64_t end) {
    return shards_.call([&] { return partition_->delete_records(Offset(end)).ok(); });
  };
  ASSERT_TRUE(delete_up_to(0));
  EXPECT_FALSE(fetch->is_done());
  ASSERT_TRUE(delete_up_to(1));
  EXPECT_TRUE(fetch->is_done());
}

TEST_F(PartitionTest, FetchesThatTimedOutAreNotKept) {
  lead();
  auto first = wait_for_bytes(1);
  first->abandon();
  std::weak_ptr<FetchWaiter> watched = first;
  first.reset();
  shards_.run_due();
  wait_for_bytes(1);
  EXPECT_TRUE(watched.expired());
}

TEST_F(PartitionTest, NothingIsDueToBeSyncedWhereRecordsMayWaitForTheLongestTime) {
  settings_.flush_ms = INT64_MAX - 1;
  lead();
  produce(2);
  shards_.advance(std::chrono::hours(1));
  EXPECT_FALSE(partition_->is_flush_due());
}

}  // namespace
}  // namespace gregor
