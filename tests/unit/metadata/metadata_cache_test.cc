#include "broker/metadata/metadata_cache.h"

#include <gtest/gtest.h>

#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

/// A cache on three shards whose pictures are told apart by their controller.
class MetadataCacheTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const ClusterImage> picture(int32_t controller) {
    auto image = std::make_shared<ClusterImage>();
    image->set_controller(BrokerId(controller));
    return image;
  }
  static Task<bool> publish(MetadataCache& cache, std::shared_ptr<const ClusterImage> image) {
    co_await cache.publish(std::move(image));
    co_return true;
  }
  void publish(int32_t controller) { EXPECT_TRUE(shards_.run(publish(cache_, picture(controller)))); }
  int32_t seen_on(size_t shard) {
    return shards_.call([this] { return cache_.image().controller().value; }, shard);
  }
  testing::Started<bool> wait_for(int32_t controller, size_t shard, Duration timeout = 1s) {
    auto holds = [controller](const ClusterImage& image) { return image.controller() == BrokerId(controller); };
    return shards_.start(cache_.wait_until(holds, timeout, gone_.get_token()), shard);
  }

  testing::ManualShards shards_{3};
  MetadataCache cache_{shards_.all()};
  std::stop_source gone_;
};

TEST_F(MetadataCacheTest, BeginsWithAnEmptyPicture) { EXPECT_EQ(seen_on(2), kNoBroker.value); }

TEST_F(MetadataCacheTest, PublishedPictureIsOnEveryShardWhenTheCallReturns) {
  publish(5);
  for (size_t shard : {0, 1, 2}) EXPECT_EQ(seen_on(shard), 5);
}

TEST_F(MetadataCacheTest, SnapshotOutlivesTheNextPicture) {
  publish(5);
  auto snapshot = shards_.call([this] { return cache_.snapshot(); }, 1);
  publish(6);
  EXPECT_EQ(snapshot->controller(), BrokerId(5));
}

TEST_F(MetadataCacheTest, WaitEndsWithThePictureThatFulfilsIt) {
  auto waiting = wait_for(7, 2);
  publish(6);
  EXPECT_FALSE(waiting.has_ended());
  publish(7);
  EXPECT_TRUE(waiting.value());
}

TEST_F(MetadataCacheTest, WhatHoldsAlreadyNeedsNoWait) {
  publish(7);
  EXPECT_TRUE(wait_for(7, 1, 0s).value());
}

TEST_F(MetadataCacheTest, WaitEndsAtItsTimeout) {
  auto waiting = wait_for(7, 1, 300ms);
  shards_.advance(299ms);
  EXPECT_FALSE(waiting.has_ended());
  shards_.advance(1ms);
  EXPECT_FALSE(waiting.value());
  EXPECT_FALSE(wait_for(7, 1, 0s).value());
  publish(7);
}

TEST_F(MetadataCacheTest, WaitEndsWhenTheClientIsGone) {
  auto waiting = wait_for(7, 1, 1h);
  gone_.request_stop();
  shards_.run_due();
  EXPECT_FALSE(waiting.value());
  EXPECT_FALSE(wait_for(7, 1, 1h).value());
}

TEST_F(MetadataCacheTest, ManyWaitOnManyShards) {
  std::vector<testing::Started<bool>> waiting;
  for (int i = 0; i < 30; ++i) waiting.push_back(wait_for(i % 2 == 0 ? 7 : 8, static_cast<size_t>(i % 3)));
  publish(7);
  for (size_t i = 0; i < waiting.size(); ++i) EXPECT_EQ(waiting[i].has_ended(), i % 2 == 0);
  publish(8);
  for (auto& one : waiting) EXPECT_TRUE(one.value());
}

}  // namespace
}  // namespace gregor
