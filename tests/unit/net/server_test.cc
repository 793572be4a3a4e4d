#include "broker/net/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/temporary_directory.h"
#include "tests/support/test_shard.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& condition, Duration timeout = 10s) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

std::string framed(const std::string& text) {
  std::string frame(4, '\0');
  store_big_endian(reinterpret_cast<uint8_t*>(frame.data()), static_cast<int32_t>(text.size()));
  return frame + text;
}

Buffer buffer_of(const std::string& text) { return Buffer::copy_of(as_bytes(text)); }

/// Answers a request that says what to do: `echo...` with itself, `nothing`, `close`, `wait` until the peer is
/// gone, `free` too but having freed the frame, `big` with 8 MiB, `file` with what `spliced` says.
class TestHandler final : public FrameHandler {
 public:
  Task<Reply> handle(const ConnectionInfo& connection, RequestFrame frame) override {
    std::string text(frame.view().begin(), frame.view().end());
    ++handled;
    most_at_once = std::max(most_at_once.load(), ++running);
    Reply reply = co_await answer(connection.gone, text, frame);
    --running;
    co_return reply;
  }

  std::atomic<int> handled{0};
  std::atomic<int> running{0};
  std::atomic<int> most_at_once{0};
  std::function<OutgoingFrame()> spliced;

 private:
  Task<Reply> answer(std::stop_token gone, std::string text, RequestFrame& frame) {
    co_await yield();
    if (text == "nothing") co_return Reply::nothing();
    if (text == "free") {
      frame.free();
      while (!gone.stop_requested()) co_await sleep_for(1ms);
      co_return Reply::nothing();
    }
    if (text == "close") co_return Reply::close("as was asked for");
    if (text == "file") co_return Reply::send(spliced());
    while (text == "wait" && !gone.stop_requested()) co_await sleep_for(1ms);
    OutgoingFrame out;
    out.bytes = buffer_of(framed(text == "big" ? std::string(8 << 20, 'b') : text));
    co_return Reply::send(std::move(out));
  }
};

/// A plain blocking client.
class TestClient {
 public:
  explicit TestClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  TestClient(TestClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
  ~TestClient() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool is_connected() const { return connected_; }
  bool send_raw(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<size_t>(count);
    }
    return true;
  }
  bool send(const std::string& text) { return send_raw(framed(text)); }
  /// What the kernel takes without our waiting.
  size_t send_some(const std::string& bytes) {
    ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count < 0 ? 0 : static_cast<size_t>(count);
  }
  std::optional<std::string> receive_raw(size_t size) {
    std::string bytes(size, '\0');
    size_t received = 0;
    while (received < size) {
      ssize_t count = ::recv(socket_, bytes.data() + received, size - received, 0);
      if (count <= 0) return std::nullopt;
      received += static_cast<size_t>(count);
    }
    return bytes;
  }
  std::optional<std::string> receive() {
    auto prefix = receive_raw(4);
    if (!prefix) return std::nullopt;
    return receive_raw(static_cast<size_t>(load_big_endian<int32_t>(as_bytes(*prefix).data())));
  }
  /// The server has closed the connection, without sending anything more.
  bool is_closed() {
    char byte;
    ssize_t count = ::recv(socket_, &byte, 1, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET);
  }
  void reset() {
    linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(socket_, -1));
  }

 private:
  int socket_;
  bool connected_ = false;
};

/// A server on two shards and loopback.
class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override {
    stop();
    // On the shards' threads nothing of the server is left.
    server_.reset();
  }

  void start(ServerConfig config = {}, size_t budget_bytes = 1 << 30) {
    budget_ = std::make_unique<MemoryBudget>(*first_, budget_bytes);
    server_ = std::make_unique<Server>(network_, shards_, handler_, *budget_, config);
    auto port = first_.call([&] { return server_->listen({"PLAIN", "127.0.0.1", 0}); });
    ASSERT_TRUE(port.ok()) << port.error().message;
    port_ = *port;
  }
  void stop() {
    if (is_stopped_ || !server_) return;
    is_stopped_ = true;
    first_.run(stopped(*server_));
  }
  TestClient connect() {
    TestClient client(port_);
    EXPECT_TRUE(client.is_connected());
    return client;
  }
  static Task<bool> stopped(Server& server) {
    co_await server.stop();
    co_return true;
  }

  testing::TestShard first_{0};
  testing::TestShard second_{1};
  Shards shards_{&*first_, &*second_};
  ThreadPool pool_{1};
  PosixNetwork network_{pool_};
  TestHandler handler_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  bool is_stopped_ = false;
};

TEST_F(ServerTest, AnswersFramesInTheirOrderOneAtATime) {
  start();
  TestClient client = connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += framed("echo " + std::to_string(i));
  ASSERT_TRUE(client.send_raw(requests));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.receive(), "echo " + std::to_string(i));
  EXPECT_EQ(handler_.most_at_once, 1);
}

TEST_F(ServerTest, TakesFramesInWhateverPiecesTheyCome) {
  start();
  TestClient client = connect();
  for (char byte : framed("echo, byte by byte")) ASSERT_TRUE(client.send_raw(std::string(1, byte)));
  EXPECT_EQ(client.receive(), "echo, byte by byte");
  std::string large(5 << 20, 'x');
  ASSERT_TRUE(client.send(large));
  EXPECT_EQ(client.receive(), large);
}

TEST_F(ServerTest, FrameWithoutBytesIsHandled) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send(""));
  EXPECT_EQ(client.receive(), "");
}

TEST_F(ServerTest, ReplyOfNothingKeepsTheConnection) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send("nothing") && client.send("echo"));
  EXPECT_EQ(client.receive(), "echo");
}

TEST_F(ServerTest, ReplyOfCloseEndsItWithOneLineInTheLog) {
  start();
  TestClient client = connect();
  ::testing::internal::CaptureStdout();
  ASSERT_TRUE(client.send("close"));
  EXPECT_TRUE(client.is_closed());
  stop();
  std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_NE(log.find("as was asked for"), std::string::npos) << log;
}

TEST_F(ServerTest, ImpossibleSizesEndTheConnectionWithOneLineInTheLog) {
  ServerConfig config;
  config.limits.connection.max_frame_bytes = 1000;
  start(config);
  for (const std::string& prefix : {std::string("\xff\xff\xff\xff"), std::string("\x80\0\0\0", 4),
                                    std::string("\x7f\xff\xff\xff"), std::string("\0\0\x03\xe9", 4)}) {
    TestClient client = connect();
    ::testing::internal::CaptureStdout();
    ASSERT_TRUE(client.send_raw(prefix));
    EXPECT_TRUE(client.is_closed());
    std::string log = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  }
  TestClient client = connect();
  ASSERT_TRUE(client.send(std::string(1000, 'x')));
  EXPECT_EQ(client.receive(), std::string(1000, 'x'));
}

TEST_F(ServerTest, PeerThatGoesLeavesNoLineInTheLogAndNoMemory) {
  start();
  ::testing::internal::CaptureStdout();
  {
    TestClient between = connect();
    ASSERT_TRUE(between.send("echo"));
    between.receive();
    TestClient within = connect();
    ASSERT_TRUE(within.send_raw(framed("echo").substr(0, 6)));
    TestClient waiting = connect();
    ASSERT_TRUE(waiting.send("wait"));
    ASSERT_TRUE(eventually([&] { return handler_.running == 1; }));
    waiting.reset();
  }
  EXPECT_TRUE(eventually([&] { return handler_.running == 0 && budget_->used_bytes() == 0; }));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST_F(ServerTest, PeerThatDoesNotReadItsRepliesIsNotReadFrom) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send("big"));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 1 && handler_.running == 0; }));
  // The next requests stay in the kernel's buffers, which fill up.
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += framed(std::string(1000, 'x'));
  size_t taken = 0;
  for (size_t more = 1; more > 0 && taken < (64u << 20);) taken += more = client.send_some(requests);
  EXPECT_LT(taken, 64u << 20);
  EXPECT_EQ(handler_.handled, 1);
  EXPECT_EQ(client.receive()->size(), 8u << 20);
  EXPECT_EQ(client.receive(), std::string(1000, 'x'));
}

TEST_F(ServerTest, RequestsWaitForMemoryAndGoOn) {
  start({}, 1000);
  TestClient holder = connect();
  ASSERT_TRUE(holder.send_raw(framed(std::string(2000, 'h')).substr(0, 1000)));
  ASSERT_TRUE(eventually([&] { return budget_->used_bytes() == 2000; }));
  TestClient waiting = connect();
  ASSERT_TRUE(waiting.send("echo"));
  TestClient given_up = connect();
  ASSERT_TRUE(given_up.send("echo"));
  given_up.reset();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(handler_.handled, 0);
  ASSERT_TRUE(holder.send_raw(framed(std::string(2000, 'h')).substr(1000)));
  EXPECT_EQ(holder.receive()->size(), 2000u);
  EXPECT_EQ(waiting.receive(), "echo");
}

TEST_F(ServerTest, LargeRequestsThatTogetherExceedTheMemoryAllGetThrough) {
  start({}, 9 << 20);
  std::string large(8 << 20, 'x');
  std::vector<TestClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect());
  std::vector<std::thread> senders;
  for (TestClient& client : clients) {
    senders.emplace_back([&client, &large] {
      EXPECT_TRUE(client.send(large));
      auto answer = client.receive();
      EXPECT_TRUE(answer.has_value() && answer->size() == large.size());
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_TRUE(eventually([&] { return budget_->used_bytes() == 0; }));
}

TEST_F(ServerTest, AnswersThatNobodyReadsHoldNoRequestMemory) {
  start({}, 3);
  TestClient deaf = connect();
  TestClient other = connect();
  ASSERT_TRUE(deaf.send("big"));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 1 && handler_.running == 0; }));
  EXPECT_EQ(budget_->used_bytes(), 0u);
  ASSERT_TRUE(other.send("echo"));
  EXPECT_EQ(other.receive(), "echo");
}

TEST_F(ServerTest, RequestsThatWaitWithoutTheirFrameHoldNoMemory) {
  start({}, 3);
  std::vector<TestClient> waiting;
  for (int i = 0; i < 30; ++i) {
    waiting.push_back(connect());
    ASSERT_TRUE(waiting.back().send("free"));
  }
  TestClient other = connect();
  ASSERT_TRUE(other.send("echo"));
  EXPECT_EQ(other.receive(), "echo");
  EXPECT_TRUE(eventually([&] { return handler_.running == 30 && budget_->used_bytes() == 0; }));
}

TEST_F(ServerTest, StopEndsEveryConnection) {
  start();
  TestClient idle = connect();
  TestClient waiting = connect();
  TestClient slow = connect();
  TestClient within = connect();
  ASSERT_TRUE(waiting.send("wait") && slow.send("big") && within.send_raw(framed("echo").substr(0, 5)));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 2 && handler_.running == 1; }));
  stop();
  EXPECT_EQ(handler_.running, 0);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(waiting.is_closed());
  EXPECT_TRUE(within.is_closed());
  EXPECT_FALSE(TestClient(port_).is_connected());
}

TEST_F(ServerTest, IdleConnectionIsClosedAndBusyOneIsNot) {
  ServerConfig config;
  config.limits.max_idle = 200ms;
  start(config);
  TestClient busy = connect();
  TestClient idle = connect();
  std::thread closed([&] { EXPECT_TRUE(idle.is_closed()); });
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(busy.send("echo"));
    ASSERT_EQ(busy.receive(), "echo");
    std::this_thread::sleep_for(10ms);
  }
  closed.join();
}

TEST_F(ServerTest, NegativeIdleTimeKeepsConnectionsForEver) {
  ServerConfig config;
  config.limits.max_idle = -1ms;
  start(config);
  TestClient client = connect();
  std::this_thread::sleep_for(20ms);
  ASSERT_TRUE(client.send("echo"));
  EXPECT_EQ(client.receive(), "echo");
}

TEST_F(ServerTest, PartsOfFilesArriveByteForByteAmongBytesOfMemory) {
  testing::TemporaryDirectory home;
  std::string content(3 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(home.path() + "/data", std::ios::binary) << content;
  PosixFileSystem files;
  auto opened = files.open(home.path() + "/data", OpenMode::read);
  ASSERT_TRUE(opened.ok());
  auto file = *opened;
  handler_.spliced = [&] {
    OutgoingFrame frame;
    frame.bytes = buffer_of("....headmiddletail");
    auto spliced = static_cast<int32_t>(14 + 100 + (2 << 20) + 7);
    store_big_endian(frame.bytes.data(), spliced);
    frame.splices.push_back({8, FileSlice{file, 5, 100}});
    frame.splices.push_back({14, FileSlice{file, 1000, 2 << 20}});
    frame.splices.push_back({14, FileSlice{file, 1, 0}});
    frame.splices.push_back({18, FileSlice{file, 0, 7}});
    return frame;
  };
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send("file"));
  EXPECT_EQ(client.receive(), "head" + content.substr(5, 100) + "middle" + content.substr(1000, 2 << 20) + "tail" +
                                  content.substr(0, 7));
}

TEST_F(ServerTest, FileThatIsShorterThanPromisedEndsTheConnectionWithALine) {
  testing::TemporaryDirectory home;
  std::ofstream(home.path() + "/data") << "short";
  PosixFileSystem files;
  auto file = *files.open(home.path() + "/data", OpenMode::read);
  handler_.spliced = [&] {
    OutgoingFrame frame;
    frame.bytes = buffer_of(framed(""));
    frame.splices.push_back({4, FileSlice{file, 0, 100}});
    return frame;
  };
  start();
  TestClient client = connect();
  ::testing::internal::CaptureStdout();
  ASSERT_TRUE(client.send("file"));
  EXPECT_FALSE(client.receive_raw(100).has_value());
  stop();
  std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

TEST_F(ServerTest, ServesAThousandConnectionsDealtOutToAllShards) {
  ServerConfig config;
  config.listen.backlog = 1000;
  start(config);
  std::vector<TestClient> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(connect());
  for (auto& client : clients) ASSERT_TRUE(client.send("echo"));
  for (auto& client : clients) ASSERT_EQ(client.receive(), "echo");
  for (auto& client : clients) ASSERT_TRUE(client.send("wait"));
  ASSERT_TRUE(eventually([&] { return handler_.running == 1000; }));
  for (auto& client : clients) client.reset();
  EXPECT_TRUE(eventually([&] { return handler_.running == 0; }));
}

}  // namespace
}  // namespace gregor
