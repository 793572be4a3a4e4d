#include "broker/controller/controller_stats.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

LeaderAndIsr state(int32_t leader, std::initializer_list<int32_t> in_sync) {
  LeaderAndIsr state;
  state.leader = BrokerId(leader);
  for (int32_t id : in_sync) state.in_sync.emplace_back(id);
  return state;
}

TEST(ControllerStats, ElectionIsUncleanWhenTheNewLeaderWasNotInSync) {
  ControllerStats stats;
  stats.decided(state(1, {1}), state(2, {2}));
  EXPECT_EQ(stats.unclean_elections(), 1u);
}

TEST(ControllerStats, LeaderThatWasInSyncNoLeaderAndFirstLeaderAreClean) {
  ControllerStats stats;
  stats.decided(state(1, {1, 2}), state(2, {2}));
  stats.decided(state(1, {1}), state(kNoBroker.value, {1}));
  stats.decided(std::nullopt, state(3, {3}));
  EXPECT_EQ(stats.unclean_elections(), 0u);
}

}  // namespace
}  // namespace gregor
