#include "broker/coordination/election.h"

#include "fixture.h"

namespace gregor {
namespace {

using namespace testing;

class Election : public ::testing::Test {
 protected:
  ElectionOutcome elect(TestClient& zk, int32_t id) {
    auto outcome = zk.run(elect_controller(*zk, BrokerId(id), 1690000000123));
    EXPECT_TRUE(outcome) << outcome.error().message;
    return *outcome;
  }

  std::string chroot = fresh_chroot();
  TestClient first{chroot};
  TestClient second{chroot};
};

TEST_F(Election, HasOneWinner) {
  auto won = elect(first, 1);
  ASSERT_TRUE(won.term);
  EXPECT_EQ(won.term->epoch.value, 1);
  auto lost = elect(second, 2);
  EXPECT_EQ(lost.controller, BrokerId(1));
  EXPECT_FALSE(lost.term);
  EXPECT_EQ(*second.run(read_controller(*second, Watch::yes)), BrokerId(1));
  EXPECT_EQ(second.get("/controller_epoch")->data, "1");
}

TEST_F(Election, BeginsANewTermWhenTheControllerIsGone) {
  ASSERT_TRUE(elect(first, 1).term);
  ASSERT_EQ(*second.run(read_controller(*second, Watch::yes)), BrokerId(1));
  first.close();
  EXPECT_TRUE(eventually([&] { return !second.events().empty(); }));
  EXPECT_EQ(second.events()[0].type, WatchEvent::Type::deleted);
  EXPECT_EQ(*second.run(read_controller(*second, Watch::no)), kNoBroker);
  EXPECT_EQ(elect(second, 2).term->epoch.value, 2);
}

TEST_F(Election, FencesWritesOfAnEarlierTerm) {
  auto old_term = *elect(first, 1).term;
  ASSERT_TRUE(first.run(first->multi(fenced(old_term, {ZkOp::create("/a", "")}))));
  ASSERT_TRUE(first.run(resign(*first, old_term)));
  ASSERT_TRUE(elect(second, 2).term);
  auto late = first.run(first->multi(fenced(old_term, {ZkOp::create("/b", "")})));
  EXPECT_TRUE(is_fenced_off(late));
  EXPECT_FALSE(first.exists("/b"));
  auto other_trouble = second.run(second->multi({ZkOp::set("/a", "", 9)}));
  EXPECT_FALSE(is_fenced_off(other_trouble) && other_trouble.failed_op != 0);
  EXPECT_TRUE(first.run(resign(*first, old_term)).error().is(ZkCode::bad_version));
}

TEST_F(Election, HasOneWinnerWhenTwoRunAtOnce) {
  for (int32_t round = 1; round <= 10; ++round) {
    ElectionOutcome a;
    ElectionOutcome b;
    std::thread other([&] { a = elect(first, 1); });
    b = elect(second, 2);
    other.join();
    ASSERT_NE(a.term.has_value(), b.term.has_value());
    EXPECT_EQ(a.controller, b.controller);
    TestClient& winner = a.term ? first : second;
    ControllerTerm term = a.term ? *a.term : *b.term;
    EXPECT_EQ(term.epoch.value, round);
    ASSERT_TRUE(winner.run(resign(*winner, term)));
  }
}

}  // namespace
}  // namespace gregor
