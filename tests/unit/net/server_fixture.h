#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "broker/net/server.h"
#include "tests/support/test_shard.h"

namespace gregor {

inline bool eventually(const std::function<bool()>& condition, Duration timeout = std::chrono::seconds(10)) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline std::string framed(const std::string& text) {
  std::string frame(4, '\0');
  store_big_endian(reinterpret_cast<uint8_t*>(frame.data()), static_cast<int32_t>(text.size()));
  return frame + text;
}

inline Buffer buffer_of(const std::string& text) { return Buffer::copy_of(as_bytes(text)); }

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
  std::atomic<bool> ignores_gone{false};  ///< `wait` goes on although the peer is gone
  std::function<OutgoingFrame()> spliced;

 private:
  Task<Reply> answer(std::stop_token gone, std::string text, RequestFrame& frame) {
    co_await yield();
    if (text == "nothing") co_return Reply::nothing();
    if (text == "free") {
      frame.free();
      while (!gone.stop_requested()) co_await sleep_for(std::chrono::milliseconds(1));
      co_return Reply::nothing();
    }
    if (text == "close") co_return Reply::close("as was asked for");
    if (text == "file") co_return Reply::send(spliced());
    while (text == "wait" && (ignores_gone || !gone.stop_requested()))
      co_await sleep_for(std::chrono::milliseconds(1));
    OutgoingFrame out;
    out.bytes = buffer_of(framed(text == "big" ? std::string(8 << 20, 'b') : text));
    co_return Reply::send(std::move(out));
  }
};

/// A plain blocking client.
class TestClient {
 public:
  struct Options {
    const char* source = "127.0.0.1";
    int receive_buffer_bytes = 0;  ///< 0 leaves it to the operating system
  };

  explicit TestClient(uint16_t port) : TestClient(port, Options()) {}
  TestClient(uint16_t port, Options options) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, options.source, &address.sin_addr);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (options.receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof(int));
    }
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
  bool hears_something_within(std::chrono::milliseconds patience) {
    pollfd ready{socket_, POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(patience.count())) > 0;
  }
  /// The server has closed the connection, without sending anything more.
  bool is_closed() {
    char byte;
    ssize_t count = ::recv(socket_, &byte, 1, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET);
  }
  uint16_t local_port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
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

}  // namespace gregor
