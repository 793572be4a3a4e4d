#include "broker/controller/agenda.h"

#include <gtest/gtest.h>

#include <vector>

namespace gregor {
namespace {

using namespace std::chrono_literals;
using Kind = Agenda::Kind;

constexpr Instant kBegin{1h};

TEST(Agenda, GivesTheMostUrgentFirstWhicheverCameFirst) {
  Agenda agenda;
  agenda.put(Kind::deleted, kBegin, "a");
  agenda.put(Kind::assignment, kBegin, "b");
  agenda.put(Kind::deletions, kBegin);
  agenda.put(Kind::assignment, kBegin, "a");
  agenda.put(Kind::topics, kBegin);
  agenda.put(Kind::brokers, kBegin);
  agenda.put(Kind::election, kBegin);
  std::vector<std::pair<Kind, std::string>> taken;
  while (auto entry = agenda.take()) taken.emplace_back(entry->kind, entry->topic);
  std::vector<std::pair<Kind, std::string>> expected = {
      {Kind::election, ""},    {Kind::brokers, ""},   {Kind::topics, ""},  {Kind::assignment, "a"},
      {Kind::assignment, "b"}, {Kind::deletions, ""}, {Kind::deleted, "a"}};
  EXPECT_EQ(taken, expected);
  EXPECT_TRUE(agenda.is_empty());
}

TEST(Agenda, WhatIsPutAgainIsThereOnceAndHasWaitedSinceTheFirstTime) {
  Agenda agenda;
  agenda.put(Kind::topics, kBegin);
  agenda.put(Kind::topics, kBegin + 1s);
  EXPECT_EQ(agenda.size(), 1u);
  EXPECT_EQ(agenda.take()->since, kBegin);
  agenda.put(Kind::topics, kBegin + 2s);
  EXPECT_EQ(agenda.take()->since, kBegin + 2s);
}

TEST(Agenda, ClearedIsEmpty) {
  Agenda agenda;
  agenda.put(Kind::assignment, kBegin, "a");
  agenda.clear();
  EXPECT_EQ(agenda.size(), 0u);
  EXPECT_FALSE(agenda.take().has_value());
}

}  // namespace
}  // namespace gregor
