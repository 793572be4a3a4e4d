#include "broker/coordination/outage.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

using namespace std::chrono_literals;

TEST(WordsOfClient, AreTheMessageInOneLine) {
  EXPECT_EQ(
      words_of_client("2026-11-25 14:00:00,123:4711(0x7f00deadbeef):ZOO_ERROR@handle_socket_error_msg@2340: Socket "
                      "[127.0.0.1:2181] zk retcode=-4, errno=111(Connection refused): server refused to accept "
                      "the client\n"),
      "Socket [127.0.0.1:2181] zk retcode=-4, errno=111(Connection refused): server refused to accept the client");
  EXPECT_EQ(
      words_of_client("2026-11-25 14:00:00,123:4711(0x7f00deadbeef):ZOO_WARN@zookeeper_interest@2000: Exceeded "
                      "deadline by 11ms"),
      "Exceeded deadline by 11ms");
  EXPECT_EQ(words_of_client("no prefix,\n\n two  lines"), "no prefix, two lines");
}

TEST(WordsOfClient, AreNoneForABlankLine) {
  EXPECT_EQ(words_of_client(""), "");
  EXPECT_EQ(words_of_client(" \n"), "");
  EXPECT_EQ(words_of_client("2026-11-25 14:00:00,123:4711(0x7f00deadbeef):ZOO_ERROR@f@1: \n"), "");
}

TEST(WordsOfClient, DoNotTakeAnotherErrorForThatOfALookUp) {
  EXPECT_EQ(
      words_of_client("2026-11-25 14:00:00,123:4711(0x7f00deadbeef):ZOO_ERROR@resolve_hosts@700: getaddrinfo: No "
                      "such file or directory\n"),
      "a server's name can't be resolved");
}

TEST(OutagePace, GetsSlowerUpToABound) {
  OutagePace pace;
  EXPECT_EQ(pace.next(), 5s);
  EXPECT_EQ(pace.next(), 10s);
  EXPECT_EQ(pace.next(), 20s);
  for (int i = 0; i < 10; ++i) pace.next();
  EXPECT_EQ(pace.next(), 5min);
  pace.reset();
  EXPECT_EQ(pace.next(), 5s);
}

}  // namespace
}  // namespace gregor
