#include "broker/net/connection_quotas.h"

#include <gtest/gtest.h>

namespace gregor {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using HoldReason = ConnectionQuotas::HoldReason;
using Verdict = ConnectionQuotas::Verdict;

/// Quotas and a clock that moves when the story says so.
class ConnectionQuotasTest : public ::testing::Test {
 protected:
  bool may_accept(const std::string& listener = "OUTSIDE") { return !quotas_.hold(listener, now_); }
  Verdict connect(const std::string& listener = "OUTSIDE", const std::string& address = "10.0.0.1") {
    return quotas_.decide(listener, address, now_).verdict;
  }
  void set(const ConnectionQuotaLimits& limits) { quotas_.set_limits(limits); }
  /// How many connections `listener` accepts within `time`, when clients always wait.
  int accepted_within(Duration time, const std::string& listener = "OUTSIDE") {
    int accepted = 0;
    for (Instant end = now_ + time; now_ < end;) {
      auto hold = quotas_.hold(listener, now_);
      if (!hold) {
        EXPECT_EQ(connect(listener), Verdict::admit);
        ++accepted;
      } else {
        now_ = std::min(hold->until, end);
      }
    }
    return accepted;
  }

  ConnectionQuotas quotas_{ConnectionQuotaLimits{}};
  Instant now_{std::chrono::hours(1)};
};

TEST_F(ConnectionQuotasTest, WithoutLimitsEverybodyComesIn) {
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(may_accept() && connect() == Verdict::admit);
  EXPECT_EQ(quotas_.total(), 10'000u);
  EXPECT_EQ(quotas_.excess(), 0u);
}

TEST_F(ConnectionQuotasTest, AtTheBrokersLimitListenersWaitForAConnectionToEnd) {
  set({.max_connections = 2});
  connect();
  EXPECT_TRUE(may_accept());
  connect("INSIDE");
  ASSERT_FALSE(may_accept());
  EXPECT_EQ(quotas_.hold("OUTSIDE", now_)->until, Instant::max());
  EXPECT_EQ(quotas_.hold("OUTSIDE", now_)->reason, HoldReason::max_connections);
  EXPECT_FALSE(may_accept("INSIDE"));
  quotas_.release("INSIDE", "10.0.0.1");
  EXPECT_TRUE(may_accept());
}

TEST_F(ConnectionQuotasTest, AListenersOwnLimitHoldsUpNoOther) {
  set({.listeners = {{"OUTSIDE", {.max_connections = 1}}}});
  connect();
  EXPECT_FALSE(may_accept());
  EXPECT_TRUE(may_accept("INSIDE"));
}

TEST_F(ConnectionQuotasTest, AProtectedListenerIsLetInAndAnotherHasToGo) {
  set({.max_connections = 2, .protected_listener = "INSIDE"});
  connect();
  connect();
  EXPECT_FALSE(may_accept());
  EXPECT_TRUE(may_accept("INSIDE"));
  connect("INSIDE");
  EXPECT_EQ(quotas_.excess(), 1u);
  quotas_.release("OUTSIDE", "10.0.0.1");
  EXPECT_EQ(quotas_.excess(), 0u);
  EXPECT_FALSE(may_accept()) << "there are two again";
}

TEST_F(ConnectionQuotasTest, ConnectionsOfAProtectedListenerNeverHaveToGo) {
  set({.max_connections = 1, .protected_listener = "INSIDE"});
  for (int i = 0; i < 5; ++i) connect("INSIDE");
  EXPECT_EQ(quotas_.excess(), 0u);
  connect();
  EXPECT_EQ(quotas_.excess(), 1u);
}

TEST_F(ConnectionQuotasTest, AListenersOwnLimitHoldsForAProtectedOneToo) {
  set({.listeners = {{"INSIDE", {.max_connections = 1}}}, .protected_listener = "INSIDE"});
  connect("INSIDE");
  EXPECT_FALSE(may_accept("INSIDE"));
}

TEST_F(ConnectionQuotasTest, AFallingLimitMakesSomeGo) {
  for (int i = 0; i < 10; ++i) connect();
  set({.max_connections = 7});
  EXPECT_EQ(quotas_.excess(), 3u);
}

TEST_F(ConnectionQuotasTest, OneAddressMayHaveSoManyConnections) {
  set({.max_connections_per_ip = 2, .per_ip_overrides = {{"10.0.0.9", 0}, {"10.0.0.8", 3}}});
  EXPECT_EQ(connect(), Verdict::admit);
  EXPECT_EQ(connect("INSIDE"), Verdict::admit);
  EXPECT_EQ(connect(), Verdict::too_many_of_address) << "of all listeners together";
  EXPECT_EQ(connect("OUTSIDE", "10.0.0.2"), Verdict::admit);
  EXPECT_EQ(connect("OUTSIDE", "10.0.0.9"), Verdict::too_many_of_address);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect("OUTSIDE", "10.0.0.8"), Verdict::admit);
  EXPECT_EQ(connect("OUTSIDE", "10.0.0.8"), Verdict::too_many_of_address);
  EXPECT_EQ(quotas_.total(), 6u) << "who was refused is not counted";
  quotas_.release("INSIDE", "10.0.0.1");
  EXPECT_EQ(connect(), Verdict::admit);
}

TEST_F(ConnectionQuotasTest, AListenerIsForgottenOnceItsConnectionsHaveEnded) {
  set({.max_connections = 2, .listeners = {{"OUTSIDE", {.max_creation_rate = 1}}}});
  while (may_accept()) connect();
  EXPECT_GT(quotas_.accept_rate("OUTSIDE", now_), 0);
  quotas_.forget("OUTSIDE");
  EXPECT_FALSE(may_accept("INSIDE")) << "they still count";
  quotas_.release("OUTSIDE", "10.0.0.1");
  quotas_.release("OUTSIDE", "10.0.0.1");
  EXPECT_EQ(quotas_.total(), 0u);
  EXPECT_EQ(quotas_.accept_rate("OUTSIDE", now_), 0);
  EXPECT_EQ(connect("OUTSIDE"), Verdict::admit) << "it may come again";
}

TEST_F(ConnectionQuotasTest, AListenerThatComesAgainCountsWhatIsLeftOfItsConnections) {
  set({.listeners = {{"OUTSIDE", {.max_connections = 2}}}});
  connect();
  quotas_.forget("OUTSIDE");
  connect();
  EXPECT_FALSE(may_accept());
  quotas_.release("OUTSIDE", "10.0.0.1");
  EXPECT_TRUE(may_accept());
  quotas_.release("OUTSIDE", "10.0.0.1");
  EXPECT_EQ(quotas_.total(), 0u);
}

TEST_F(ConnectionQuotasTest, TheBrokersRateIsThatOfAllListenersButAProtectedOne) {
  set({.protected_listener = "INSIDE"});
  for (int i = 0; i < 10; ++i) connect("OUTSIDE");
  for (int i = 0; i < 20; ++i) connect("INSIDE");
  for (int i = 0; i < 30; ++i) connect("MORE");
  EXPECT_DOUBLE_EQ(quotas_.accept_rate(now_), 4);
  EXPECT_DOUBLE_EQ(quotas_.accept_rate("INSIDE", now_), 2);
}

TEST_F(ConnectionQuotasTest, TheBrokersRateHoldsOverTime) {
  set({.max_creation_rate = 20});
  // As Kafka's rates do, the first ten seconds' worth may come at once.
  EXPECT_NEAR(accepted_within(seconds(5)), 200, 25);
  accepted_within(seconds(30));
  EXPECT_NEAR(accepted_within(seconds(60)) / 60.0, 20, 3);
}

TEST_F(ConnectionQuotasTest, AListenerThatIsTooFastWaitsForAWindowAtMost) {
  set({.listeners = {{"OUTSIDE", {.max_creation_rate = 1}}}});
  while (may_accept()) connect();
  auto hold = quotas_.hold("OUTSIDE", now_);
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->reason, HoldReason::creation_rate);
  EXPECT_GT(hold->until, now_);
  EXPECT_LE(hold->until, now_ + seconds(1));
  EXPECT_TRUE(may_accept("INSIDE"));
  now_ = hold->until;
  EXPECT_TRUE(may_accept());
}

TEST_F(ConnectionQuotasTest, TheBrokersRateDoesNotHoldUpAProtectedListener) {
  set({.max_creation_rate = 1, .protected_listener = "INSIDE"});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(may_accept("INSIDE") && connect("INSIDE") == Verdict::admit);
  EXPECT_TRUE(may_accept()) << "nor do its connections count for others";
}

TEST_F(ConnectionQuotasTest, AnAddressThatIsTooFastIsRefusedAfterADelay) {
  set({.ip_creation_rate = 1, .ip_creation_rates = {{"10.0.0.8", kNoConnectionLimit}}});
  int admitted = 0;
  while (connect() == Verdict::admit && admitted < 1000) ++admitted;
  EXPECT_EQ(admitted, 10) << "ten windows' worth";
  auto refused = quotas_.decide("OUTSIDE", "10.0.0.1", now_);
  EXPECT_EQ(refused.verdict, Verdict::too_fast_of_address);
  EXPECT_GT(refused.delay, Duration::zero());
  EXPECT_LE(refused.delay, seconds(1));
  EXPECT_EQ(connect("OUTSIDE", "10.0.0.2"), Verdict::admit);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(connect("OUTSIDE", "10.0.0.8"), Verdict::admit);
  now_ += seconds(12);
  EXPECT_EQ(connect(), Verdict::admit) << "refused ones don't count";
}

TEST(ConnectionRate, IsWhatCameOverTheTimeOfAllWindowsButOne) {
  ConnectionRate rate(RateWindows{11, seconds(1)});
  Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 30; ++i) rate.record(kNoConnectionLimit, now);
  EXPECT_DOUBLE_EQ(rate.per_second(now), 3);
  EXPECT_DOUBLE_EQ(rate.per_second(now + milliseconds(10'500)), 30 / 10.5);
  EXPECT_DOUBLE_EQ(rate.per_second(now + seconds(11)), 0) << "the first window is forgotten";
}

TEST(ConnectionRate, DelaysAsLongAsTheExcessTakes) {
  ConnectionRate rate(RateWindows{11, seconds(1)});
  Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 100; ++i) ASSERT_EQ(rate.record(10, now), Duration::zero());
  // (10.1 - 10) / 10 of ten seconds
  EXPECT_NEAR(static_cast<double>(duration_cast<milliseconds>(rate.record(10, now)).count()), 100, 1);
}

}  // namespace
}  // namespace gregor
