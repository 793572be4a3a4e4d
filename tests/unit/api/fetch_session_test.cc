#include "broker/api/fetch_session.h"

#include <gtest/gtest.h>

#include <climits>

namespace gregor {
namespace {

using namespace std::chrono_literals;
using protocol::FetchRequest;
using protocol::FetchResponse;

/// Draws the numbers that it was given, then small ones.
class GivenRandom final : public Random {
 public:
  explicit GivenRandom(std::vector<uint64_t> numbers = {}) : numbers_(std::move(numbers)) {}
  void fill(std::span<uint8_t> into) override {
    uint64_t number = drawn_ < numbers_.size() ? numbers_[drawn_] : 1000 + drawn_;
    ++drawn_;
    std::copy_n(reinterpret_cast<const uint8_t*>(&number), std::min(into.size(), sizeof number), into.begin());
  }

 private:
  std::vector<uint64_t> numbers_;
  size_t drawn_ = 0;
};

FetchPartition wanted(std::string topic, int32_t partition, int64_t offset = 0) {
  FetchPartition made;
  made.topic = std::move(topic);
  made.partition = partition;
  made.fetch_offset = Offset(offset);
  return made;
}

FetchRequest::Topic topic_row(std::string_view name, std::vector<std::pair<int32_t, int64_t>> partitions) {
  FetchRequest::Topic row;
  row.topic = name;
  for (auto [index, offset] : partitions) {
    auto& partition = row.partitions.emplace_back();
    partition.partition = index;
    partition.fetch_offset = offset;
  }
  return row;
}

FetchResponse::Partition answer(int32_t partition, int64_t high_watermark, uint64_t bytes = 0,
                                ErrorCode error = ErrorCode::none) {
  FetchResponse::Partition row;
  row.partition_index = partition;
  row.high_watermark = high_watermark;
  row.log_start_offset = 0;
  row.error_code = static_cast<int16_t>(error);
  row.records = protocol::Records::external(bytes);
  return row;
}

/// One session over t-0 and t-1, by names.
class FetchSessionTest : public ::testing::Test {
 protected:
  std::vector<int32_t> order() {
    std::vector<int32_t> partitions;
    for (const auto& partition : session_.partitions()) partitions.push_back(partition.partition);
    return partitions;
  }
  bool takes(FetchResponse::Partition row) { return session_.takes("t", Uuid{}, row); }

  FetchSession session_{9, false, {wanted("t", 0, 10), wanted("t", 1, 20)}, Instant()};
};

TEST_F(FetchSessionTest, FirstAnswerCarriesEveryPartition) {
  EXPECT_TRUE(takes(answer(0, 5)));
  EXPECT_TRUE(takes(answer(1, 0)));
}

TEST_F(FetchSessionTest, LaterAnswersCarryWhatChanged) {
  takes(answer(0, 5));
  EXPECT_FALSE(takes(answer(0, 5)));
  EXPECT_TRUE(takes(answer(0, 6)));
  EXPECT_TRUE(takes(answer(0, 6, 100)));
  EXPECT_FALSE(takes(answer(0, 6)));
  auto start_moved = answer(0, 6);
  start_moved.log_start_offset = 3;
  EXPECT_TRUE(takes(start_moved));
  auto diverging = start_moved;
  diverging.diverging_epoch.epoch = 2;
  EXPECT_TRUE(takes(diverging));
  auto elsewhere = start_moved;
  elsewhere.preferred_read_replica = 2;
  EXPECT_TRUE(takes(elsewhere));
}

TEST_F(FetchSessionTest, ErrorIsToldEveryTimeAndItsEndToo) {
  takes(answer(0, 5));
  auto error = answer(0, -1, 0, ErrorCode::not_leader_or_follower);
  EXPECT_TRUE(takes(error));
  EXPECT_TRUE(takes(error));
  EXPECT_TRUE(takes(answer(0, 5)));
  EXPECT_FALSE(takes(answer(0, 5)));
}

TEST_F(FetchSessionTest, PartitionThatGotRecordsWaitsBehindTheOthers) {
  takes(answer(0, 5, 100));
  EXPECT_EQ(order(), (std::vector<int32_t>{1, 0}));
  takes(answer(0, 6));
  EXPECT_EQ(order(), (std::vector<int32_t>{1, 0}));
}

TEST_F(FetchSessionTest, RequestChangesAddsAndForgets) {
  FetchRequest request;
  request.topics.push_back(topic_row("t", {{0, 15}}));
  request.topics.push_back(topic_row("u", {{0, 1}}));
  auto& forgotten = request.forgotten_topics_data.emplace_back();
  forgotten.topic = "t";
  forgotten.partitions = {1, 7};
  session_.update(request, Instant(1s));
  auto partitions = session_.partitions();
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions[0].fetch_offset, Offset(15));
  EXPECT_EQ(partitions[1].topic, "u");
  EXPECT_EQ(session_.last_used(), Instant(1s));
}

TEST_F(FetchSessionTest, AnswerForWhatWasForgottenMeanwhileIsNotTaken) {
  FetchRequest request;
  request.forgotten_topics_data.emplace_back().topic = "t";
  request.forgotten_topics_data[0].partitions = {1};
  session_.update(request, Instant());
  EXPECT_FALSE(takes(answer(1, 9, 100)));
}

TEST(FetchSession, WithIdsTopicsOfAnyNameAreTheSame) {
  Uuid id = Uuid::from_random({1});
  FetchPartition partition = wanted("", 0);
  partition.topic_id = id;
  FetchSession session(9, true, {partition}, Instant());
  EXPECT_TRUE(session.takes("t", id, answer(0, 5)));
  EXPECT_FALSE(session.takes("t", id, answer(0, 5)));
  EXPECT_FALSE(session.takes("t", Uuid::from_random({2}), answer(0, 6)));
}

/// The sessions of shard 2 of 4.
class FetchSessionsTest : public ::testing::Test {
 protected:
  FetchSessionsTest() { sessions_.configure(2, 4, 3); }

  FetchSession* create(Duration at = 0s, bool uses_topic_ids = false) {
    return sessions_.create(uses_topic_ids, {wanted("t", 0)}, Instant(at), random_);
  }
  ErrorCode find(int32_t id, int32_t epoch, bool uses_topic_ids = false) {
    auto found = sessions_.find(id, epoch, uses_topic_ids);
    EXPECT_EQ(found.session == nullptr, found.error != ErrorCode::none);
    return found.error;
  }

  FetchSessions sessions_;
  GivenRandom random_;
};

TEST_F(FetchSessionsTest, IdNamesItsShardAndIsNeverZero) {
  GivenRandom random({0, INT_MAX, UINT64_MAX, 0});
  for (int i = 0; i < 3; ++i) {
    FetchSession* session = sessions_.create(false, {wanted("t", 0)}, Instant(), random);
    ASSERT_NE(session, nullptr);
    EXPECT_GT(session->id(), 0);
    EXPECT_EQ(session->id() % 4, 2);
  }
  FetchSessions first;
  first.configure(0, 4, 3);
  GivenRandom zero({0, 3});
  EXPECT_GT(first.create(false, {wanted("t", 0)}, Instant(), zero)->id(), 0);
}

TEST_F(FetchSessionsTest, IncrementalRequestsCountTheirEpochs) {
  FetchSession* session = create();
  int32_t id = session->id();
  EXPECT_EQ(find(id, 1), ErrorCode::none);
  session->update({}, Instant());
  EXPECT_EQ(find(id, 1), ErrorCode::invalid_fetch_session_epoch);
  EXPECT_EQ(find(id, 2), ErrorCode::none);
  EXPECT_EQ(find(id, 3), ErrorCode::invalid_fetch_session_epoch);
}

TEST_F(FetchSessionsTest, EpochIsLookedAtBeforeTheKindOfTopicNames) {
  int32_t id = create()->id();
  EXPECT_EQ(find(id, 1, true), ErrorCode::fetch_session_topic_id_error);
  EXPECT_EQ(find(id, 5, true), ErrorCode::invalid_fetch_session_epoch);
}

TEST_F(FetchSessionsTest, UnknownAndRemovedSessionsAreNotFound) {
  EXPECT_EQ(find(2, 1), ErrorCode::fetch_session_id_not_found);
  EXPECT_EQ(find(0, 1), ErrorCode::fetch_session_id_not_found);
  int32_t id = create()->id();
  sessions_.remove(id);
  EXPECT_EQ(find(id, 1), ErrorCode::fetch_session_id_not_found);
}

TEST_F(FetchSessionsTest, FullCacheGivesWayOnlyWhereASessionLiesUnused) {
  int32_t oldest = create(0s)->id();
  int32_t second = create(60s)->id();
  create(61s);
  EXPECT_EQ(create(119s), nullptr);
  EXPECT_EQ(sessions_.peek(oldest)->id(), oldest);
  ASSERT_NE(create(120s), nullptr);
  EXPECT_EQ(sessions_.peek(oldest), nullptr);
  EXPECT_NE(sessions_.peek(second), nullptr);
}

TEST_F(FetchSessionsTest, FetchOfNothingGetsNoSession) {
  EXPECT_EQ(sessions_.create(false, {}, Instant(), random_), nullptr);
}

TEST_F(FetchSessionsTest, WithoutSlotsThereAreNoSessions) {
  sessions_.configure(2, 4, 0);
  EXPECT_EQ(create(), nullptr);
}

}  // namespace
}  // namespace gregor
