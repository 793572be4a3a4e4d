#include "broker/metadata/cluster_image.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

Uuid id_of(uint8_t number) { return Uuid::from_random({number}); }

std::shared_ptr<const TopicImage> topic(std::string name, Uuid id) {
  auto made = std::make_shared<TopicImage>();
  made->name = std::move(name);
  made->id = id;
  made->partitions[0].leader = BrokerId(1);
  return made;
}

TEST(ClusterImage, TopicIsFoundByNameAndById) {
  ClusterImage image;
  image.set_topic(topic("a", id_of(1)));
  ASSERT_NE(image.topic("a"), nullptr);
  EXPECT_EQ(image.topic(id_of(1)), image.topic("a"));
  EXPECT_NE(image.partition({"a", 0}), nullptr);
  EXPECT_EQ(image.partition({"a", 1}), nullptr);
  EXPECT_EQ(image.topic("b"), nullptr);
  EXPECT_EQ(image.topic(id_of(2)), nullptr);
}

TEST(ClusterImage, TopicMadeAgainIsNotFoundByItsFormerId) {
  ClusterImage image;
  image.set_topic(topic("a", id_of(1)));
  image.set_topic(topic("a", id_of(2)));
  EXPECT_EQ(image.topic(id_of(1)), nullptr);
  EXPECT_NE(image.topic(id_of(2)), nullptr);
  image.remove_topic("a");
  EXPECT_EQ(image.topic(id_of(2)), nullptr);
  EXPECT_EQ(image.topic("a"), nullptr);
}

TEST(ClusterImage, TopicWithoutAnIdIsFoundByNameOnly) {
  ClusterImage image;
  image.set_topic(topic("old", Uuid{}));
  EXPECT_NE(image.topic("old"), nullptr);
  EXPECT_EQ(image.topic(Uuid{}), nullptr);
}

TEST(ClusterImage, CopySharesTheTopicsThatDoNotChange) {
  ClusterImage image;
  image.set_topic(topic("a", id_of(1)));
  ClusterImage copy = image;
  copy.set_topic(topic("b", id_of(2)));
  EXPECT_EQ(copy.topic("a"), image.topic("a"));
  EXPECT_EQ(image.topic("b"), nullptr);
}

}  // namespace
}  // namespace gregor
