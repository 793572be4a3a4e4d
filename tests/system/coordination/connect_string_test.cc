#include "broker/coordination/connect_string.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

TEST(ConnectString, SeparatesServersFromChroot) {
  auto parsed = ConnectString::parse("zk1:2181, zk2,[::1]:2182/kafka/east");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->servers, "zk1:2181,zk2:2181,[::1]:2182");
  EXPECT_EQ(parsed->chroot, "/kafka/east");
  EXPECT_EQ(ConnectString::parse("zk1/")->chroot, "");
  for (const char* bad : {"", ",", "zk1,,zk2", "/kafka", "zk1/kafka/", "zk1/a//b"}) {
    EXPECT_FALSE(ConnectString::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace gregor
