#include "zk-schema/paths.h"

#include <gtest/gtest.h>

namespace gregor::zk {
namespace {

TEST(Paths, AreKafkas) {
  EXPECT_EQ(paths::broker(7), "/brokers/ids/7");
  EXPECT_EQ(paths::topic("orders"), "/brokers/topics/orders");
  EXPECT_EQ(paths::partitions("orders"), "/brokers/topics/orders/partitions");
  EXPECT_EQ(paths::partition("orders", 3), "/brokers/topics/orders/partitions/3");
  EXPECT_EQ(paths::partition_state("orders", 3), "/brokers/topics/orders/partitions/3/state");
  EXPECT_EQ(paths::delete_topic("orders"), "/admin/delete_topics/orders");
  EXPECT_EQ(paths::config("brokers", paths::kDefaultEntity), "/config/brokers/<default>");
  EXPECT_EQ(paths::user_client_entity("alice", "app"), "users/alice/clients/app");
  EXPECT_EQ(paths::literal_acl("Cluster", "kafka-cluster"), "/kafka-acl/Cluster/kafka-cluster");
  EXPECT_EQ(paths::extended_acl("prefixed", "Topic", "t"), "/kafka-acl-extended/prefixed/Topic/t");
  EXPECT_EQ(paths::consumer_offset("g", "t", 0), "/consumers/g/offsets/t/0");
}

TEST(Paths, SanitizesEntityNamesAsKafkaDoes) {
  EXPECT_EQ(paths::sanitize("CN=a b*c+d/ü~_-."), "CN%3Da%20b%2Ac%2Bd%2F%C3%BC%7E_-.");
  EXPECT_EQ(paths::desanitize("CN%3Da%20b%2Ac%2Bd%2F%C3%BC%7E_-."), "CN=a b*c+d/ü~_-.");
  EXPECT_EQ(paths::desanitize("%2"), std::nullopt);
  EXPECT_EQ(paths::desanitize("%zz"), std::nullopt);
}

TEST(Paths, TakesPathsApart) {
  EXPECT_EQ(paths::parent("/brokers/ids/7"), "/brokers/ids");
  EXPECT_EQ(paths::parent("/brokers"), "/");
  EXPECT_EQ(paths::name("/brokers/ids/7"), "7");
  EXPECT_EQ(paths::sequence_number("/config/changes/config_change_0000000042"), 42);
  EXPECT_EQ(paths::sequence_number("/controller"), std::nullopt);
}

}  // namespace
}  // namespace gregor::zk
