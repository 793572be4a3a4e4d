#include "broker/net/listener_gate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/logging.h"
#include "tests/support/manual_shards.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;
using Hold = ListenerGate::Hold;
using HoldReason = ListenerGate::HoldReason;

class NotingListener final : public Listener {
 public:
  explicit NotingListener(bool& is_paused) : is_paused_(is_paused) {}
  void pause() override { is_paused_ = true; }
  void resume() override { is_paused_ = false; }
  uint16_t port() const override { return 9092; }

 private:
  bool& is_paused_;
};

/// A gate, what it does to its listener, and what it logs.
class ListenerGateTest : public ::testing::Test {
 protected:
  ListenerGateTest() {
    log::set_level(log::Level::info);
    ::testing::internal::CaptureStdout();
  }
  ~ListenerGateTest() override {
    auto close = [this] { gate_.reset(); };
    shards_.call(close);
    ::testing::internal::GetCapturedStdout();
    log::set_level(log::Level::warn);
  }

  void hold(HoldReason reason, Instant until = Instant::max()) {
    auto set = [&] { gate_->set(Hold{reason, until}); };
    shards_.call(set);
  }
  void let_in() {
    auto set = [&] { gate_->set(std::nullopt); };
    shards_.call(set);
  }
  /// The lines logged since it was last asked.
  std::string logged() {
    std::string lines = ::testing::internal::GetCapturedStdout();
    ::testing::internal::CaptureStdout();
    return lines;
  }
  int lines_logged() {
    std::string lines = logged();
    return static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
  }

  testing::ManualShards shards_{1};
  bool is_paused_ = false;
  int on_time_ = 0;
  std::unique_ptr<ListenerGate> gate_ = std::make_unique<ListenerGate>(
      "OUTSIDE", std::make_unique<NotingListener>(is_paused_), [this] { ++on_time_; });
};

TEST_F(ListenerGateTest, TellsOnceThatItHoldsAndOnceThatItIsOver) {
  hold(HoldReason::max_connections);
  hold(HoldReason::max_connections);
  EXPECT_TRUE(is_paused_);
  EXPECT_TRUE(gate_->is_held(HoldReason::max_connections));
  EXPECT_FALSE(gate_->is_held(HoldReason::creation_rate));
  std::string lines = logged();
  EXPECT_NE(lines.find("listener=OUTSIDE reason=\"max.connections is reached\""), std::string::npos) << lines;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
  let_in();
  let_in();
  EXPECT_FALSE(is_paused_);
  shards_.advance(10s);
  lines = logged();
  EXPECT_NE(lines.find("accepts connections again listener=OUTSIDE"), std::string::npos) << lines;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
}

TEST_F(ListenerGateTest, LettingOneInForEachThatEndsIsToldOnceAndCountedEachTime) {
  for (int i = 0; i < 1000; ++i) {
    hold(HoldReason::max_connections);
    shards_.advance(5ms);
    let_in();
    shards_.advance(5ms);
  }
  EXPECT_EQ(lines_logged(), 1);
  EXPECT_EQ(gate_->holds(HoldReason::max_connections), 1000u);
  EXPECT_EQ(gate_->holds(HoldReason::creation_rate), 0u);
  shards_.advance(1s);
  EXPECT_EQ(lines_logged(), 1);
}

TEST_F(ListenerGateTest, AnotherReasonIsToldNotTooOften) {
  hold(HoldReason::creation_rate, shards_.clock().now() + 1s);
  EXPECT_EQ(lines_logged(), 1);
  hold(HoldReason::max_connections);
  EXPECT_EQ(lines_logged(), 0);
  EXPECT_TRUE(gate_->is_held(HoldReason::max_connections));
  shards_.advance(11s);
  hold(HoldReason::max_connections);
  EXPECT_EQ(lines_logged(), 1);
}

TEST_F(ListenerGateTest, AHoldWithAnEndCallsBackThen) {
  hold(HoldReason::creation_rate, shards_.clock().now() + 500ms);
  shards_.advance(400ms);
  EXPECT_EQ(on_time_, 0);
  hold(HoldReason::creation_rate, shards_.clock().now() + 500ms);
  shards_.advance(499ms);
  EXPECT_EQ(on_time_, 0) << "only the last one counts";
  shards_.advance(1ms);
  EXPECT_EQ(on_time_, 1);
}

TEST_F(ListenerGateTest, AGateThatIsGoneCallsNobody) {
  hold(HoldReason::creation_rate, shards_.clock().now() + 500ms);
  let_in();
  hold(HoldReason::creation_rate, shards_.clock().now() + 500ms);
  auto close = [this] { gate_.reset(); };
  shards_.call(close);
  logged();
  shards_.advance(10s);
  EXPECT_EQ(on_time_, 0);
  EXPECT_EQ(lines_logged(), 0);
}

}  // namespace
}  // namespace gregor
