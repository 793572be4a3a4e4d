#include "broker/coordination/producer_ids.h"

#include <gtest/gtest.h>

#include <set>

#include "broker/coordination/registration.h"
#include "broker/types/error_code.h"
#include "tests/support/fake_zookeeper.h"
#include "tests/support/manual_shards.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

class ProducerIdsTest : public ::testing::Test {
 protected:
  ProducerIdsTest() {
    auto made = shards_.run(ensure_persistent_paths(zookeeper_));
    EXPECT_TRUE(made.ok());
  }
  Result<int64_t> next(ProducerIds& ids) { return shards_.run(ids.next(2s)); }
  int64_t next_id(ProducerIds& ids) {
    auto id = next(ids);
    EXPECT_TRUE(id.ok()) << id.error().message;
    return id ? *id : -1;
  }
  ErrorCode next_error(ProducerIds& ids) {
    auto id = next(ids);
    return id ? ErrorCode::none : kafka_code(id.error().code);
  }
  std::string block() { return zookeeper_.data("/latest_producer_id_block"); }
  void put_block(const std::string& json) {
    shards_.call([&] { zookeeper_.others_put("/latest_producer_id_block", json); });
  }

  testing::ManualShards shards_;
  testing::FakeZooKeeper zookeeper_;
  ProducerIds ids_{zookeeper_, BrokerId(3)};
};

TEST_F(ProducerIdsTest, BeginsWithTheFirstBlockOfACluster) {
  EXPECT_EQ(next_id(ids_), 0);
  EXPECT_EQ(next_id(ids_), 1);
  EXPECT_EQ(block(), R"({"version":1,"broker":3,"block_start":"0","block_end":"999"})");
}

TEST_F(ProducerIdsTest, GoesOnBehindTheLatestBlock) {
  put_block(R"({"version":1,"broker":1,"block_start":"41000","block_end":"41999"})");
  EXPECT_EQ(next_id(ids_), 42000);
  EXPECT_EQ(block(), R"({"version":1,"broker":3,"block_start":"42000","block_end":"42999"})");
}

TEST_F(ProducerIdsTest, NoIdIsGivenOutTwiceByTwoBrokers) {
  ProducerIds other(zookeeper_, BrokerId(4));
  std::set<int64_t> given;
  for (int i = 0; i < 2500; ++i) {
    given.insert(next_id(ids_));
    given.insert(next_id(other));
  }
  EXPECT_EQ(given.size(), 5000u);
  // Another block each is fetched ahead when nine tenths of one are used.
  EXPECT_EQ(*given.rbegin(), 5499);
}

TEST_F(ProducerIdsTest, TheNextBlockIsThereBeforeItIsNeeded) {
  for (int i = 0; i < 900; ++i) next_id(ids_);
  EXPECT_NE(block().find(R"("999")"), std::string::npos);
  next_id(ids_);
  shards_.advance(1ms);
  EXPECT_NE(block().find(R"("1999")"), std::string::npos);
  shards_.call([&] { zookeeper_.disconnect(); });
  for (int i = 901; i < 2000; ++i) EXPECT_EQ(next_id(ids_), i);
}

TEST_F(ProducerIdsTest, OfTwoThatWantTheSameBlockOneTakesTheNext) {
  ProducerIds other(zookeeper_, BrokerId(4));
  std::vector<Task<Result<int64_t>>> both;
  both.push_back(ids_.next(2s));
  both.push_back(other.next(2s));
  auto ids = shards_.run(when_all(std::move(both)));
  EXPECT_EQ(*ids[0], 0);
  EXPECT_EQ(*ids[1], 1000);
}

TEST_F(ProducerIdsTest, AThousandWaitersShareABlock) {
  std::vector<Task<Result<int64_t>>> all;
  for (int i = 0; i < 1500; ++i) all.push_back(ids_.next(2s));
  auto ids = shards_.run(when_all(std::move(all)));
  std::set<int64_t> given;
  for (const auto& id : ids) {
    if (id) given.insert(*id);
  }
  EXPECT_EQ(given.size(), 1500u);
  EXPECT_EQ(*given.rbegin(), 1499);
}

TEST_F(ProducerIdsTest, AsksForPatienceWhileTheCoordinationServiceIsAway) {
  shards_.call([&] { zookeeper_.disconnect(); });
  auto asked = shards_.start(ids_.next(2s));
  shards_.advance(1s);
  EXPECT_FALSE(asked.has_ended());
  shards_.advance(1s);
  ASSERT_TRUE(asked.has_ended());
  EXPECT_TRUE(asked.value().error().is(ErrorCode::coordinator_load_in_progress));
  shards_.call([&] { zookeeper_.reconnect(); });
  EXPECT_EQ(next_id(ids_), 0);
}

TEST_F(ProducerIdsTest, AFailureIsOverAfterAPause) {
  zookeeper_.fail_next("/latest_producer_id_block", ZkCode::session_expired);
  EXPECT_EQ(next_error(ids_), ErrorCode::coordinator_load_in_progress);
  shards_.advance(60ms);
  EXPECT_EQ(next_id(ids_), 0);
}

TEST_F(ProducerIdsTest, WhatIsNoBlockIsNotOverwritten) {
  for (const std::string wrong :
       {"garbage", R"({"version":1,"broker":1,"block_start":"0","block_end":"9223372036854775000"})",
        R"({"version":1,"broker":1,"block_start":"10","block_end":"5"})"}) {
    put_block(wrong);
    shards_.advance(60ms);
    EXPECT_EQ(next_error(ids_), ErrorCode::coordinator_load_in_progress);
    EXPECT_EQ(block(), wrong);
  }
}

}  // namespace
}  // namespace gregor
