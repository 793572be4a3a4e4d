#include "broker/net/peer_client.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/support/test_shard.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

/// What the peer does with the next frame.
enum class Act { answer, hang_up, cut_answer, say_nothing, announce_nonsense };

/// A peer on loopback that receives frames and acts as it was told; afterwards it answers each with itself.
class PeerClientTest : public ::testing::Test {
 protected:
  PeerClientTest() {
    listener_ = shard_.call([this] { return listen(0); });
    port_ = listener_->port();
  }
  ~PeerClientTest() override {
    shard_.call([this] {
      client_.reset();
      listener_.reset();
      for (Socket* socket : peers_) socket->shut_down();
      return true;
    });
    while (!shard_.call([this] { return peers_.empty(); })) std::this_thread::sleep_for(1ms);
  }

  std::unique_ptr<Listener> listen(uint16_t port) {
    auto made = network_.listen("127.0.0.1", port, {}, [this](const std::string&) {
      return Admission{&*shard_, [this](std::unique_ptr<Socket> socket) {
                         ++accepted_;
                         spawn(serve(std::move(socket)));
                       }};
    });
    ASSERT(made.ok());
    return std::move(*made);
  }
  Task<void> serve(std::unique_ptr<Socket> socket) {
    peers_.push_back(socket.get());
    co_await serve_frames(*socket);
    std::erase(peers_, socket.get());
  }
  Task<void> serve_frames(Socket& socket) {
    while (true) {
      std::array<uint8_t, 4> prefix;
      Result<void> received = co_await receive_exactly(socket, prefix);
      if (!received) co_return;
      Buffer body(static_cast<size_t>(load_big_endian<int32_t>(prefix.data())));
      received = co_await receive_exactly(socket, body.span());
      if (!received) co_return;
      Act act = acts_.empty() ? Act::answer : acts_.front();
      if (!acts_.empty()) acts_.pop_front();
      if (act == Act::hang_up) co_return;
      if (act == Act::say_nothing) continue;
      if (act == Act::announce_nonsense) prefix = {0xff, 0xff, 0xff, 0xfe};
      Result<void> sent = co_await send_all(socket, prefix, true);
      if (!sent || act == Act::cut_answer) co_return;
      sent = co_await send_all(socket, body.view(), false);
      if (!sent) co_return;
    }
  }

  void make_client(Duration timeout = 10s) {
    client_ = std::make_unique<PeerClient>(network_, "127.0.0.1", port_, timeout);
  }
  Result<Buffer> exchange() {
    if (!client_) make_client();
    std::string text("\0\0\0\4ping", 8);
    return shard_.run(client_->exchange(Buffer::copy_of(as_bytes(text))));
  }
  std::string answer() {
    auto exchanged = exchange();
    return exchanged ? std::string(exchanged->view().begin(), exchanged->view().end()) : exchanged.error().message;
  }

  testing::TestShard shard_;
  ThreadPool pool_{1};
  PosixNetwork network_{pool_};
  std::unique_ptr<Listener> listener_;
  uint16_t port_ = 0;
  std::unique_ptr<PeerClient> client_;
  std::deque<Act> acts_;
  std::vector<Socket*> peers_;
  int accepted_ = 0;
};

TEST_F(PeerClientTest, ManyExchangesUseOneConnection) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer(), "ping");
  EXPECT_EQ(shard_.call([this] { return accepted_; }), 1);
}

TEST_F(PeerClientTest, ConnectsAgainAfterThePeerHungUp) {
  acts_ = {Act::answer, Act::hang_up};
  EXPECT_EQ(answer(), "ping");
  EXPECT_FALSE(exchange().ok());
  EXPECT_EQ(answer(), "ping");
  EXPECT_EQ(shard_.call([this] { return accepted_; }), 2);
}

TEST_F(PeerClientTest, AnswerThatIsCutOffIsAnErrorAndTheNextComesOnANewConnection) {
  acts_ = {Act::cut_answer};
  EXPECT_FALSE(exchange().ok());
  EXPECT_EQ(answer(), "ping");
}

TEST_F(PeerClientTest, ImpossibleSizeOfAnAnswerIsAnError) {
  acts_ = {Act::announce_nonsense};
  auto exchanged = exchange();
  ASSERT_FALSE(exchanged.ok());
  EXPECT_EQ(exchanged.error().message, client_->address() + " announced an answer of -2 bytes");
  EXPECT_EQ(answer(), "ping");
}

TEST_F(PeerClientTest, PeerThatSaysNothingIsGivenUpAfterTheTimeout) {
  make_client(100ms);
  acts_ = {Act::say_nothing};
  auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(exchange().ok());
  EXPECT_GE(std::chrono::steady_clock::now() - began, 100ms);
  EXPECT_EQ(answer(), "ping");
}

TEST_F(PeerClientTest, RefusedConnectionIsAnErrorUntilThePeerListens) {
  shard_.call([this] { return listener_.reset(), true; });
  auto refused = exchange();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code.value(), ECONNREFUSED);
  listener_ = shard_.call([this] { return listen(port_); });
  EXPECT_EQ(answer(), "ping");
}

TEST_F(PeerClientTest, ShutDownEndsAPendingExchangeAndLaterOnes) {
  make_client();
  acts_ = {Act::say_nothing};
  shard_->post([this] { shard_->call_after(20ms, [this] { client_->shut_down(); }); });
  EXPECT_FALSE(exchange().ok());
  EXPECT_FALSE(exchange().ok());
}

}  // namespace
}  // namespace gregor
