#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "runtime/epoll_shard.h"
#include "runtime/logging.h"
#include "runtime/network.h"

namespace gregor {
namespace {

EpollShard& current_epoll_shard() {
  auto* shard = dynamic_cast<EpollShard*>(Shard::current());
  ASSERT(shard != nullptr);
  return *shard;
}

/// `address:port`; an IPv4 address that came in through a dual-stack listener is shown as such.
std::string text_of(const Poco::Net::SocketAddress& address) {
  constexpr std::string_view kMapped = "[::ffff:";
  std::string text = address.toString();
  if (!text.starts_with(kMapped)) return text;
  text.erase(0, kMapped.size());
  text.erase(text.find(']'), 1);
  return text;
}

// Of less it would not be worth the call to ask for being woken later; and more than this does not have to wait in
// the socket's buffer.
constexpr size_t kLeastLowWater = 64 << 10;
constexpr size_t kMostLowWater = 256 << 10;

class PosixSocket final : public Socket, IoHandler {
 public:
  explicit PosixSocket(Poco::Net::StreamSocket socket)
      : shard_(current_epoll_shard()), socket_(std::move(socket)), descriptor_(socket_.impl()->sockfd()) {
    last_transfer_ = shard_.clock().now();
    shard_.watch(descriptor_, *this);
  }
  ~PosixSocket() override {
    ASSERT(shard_.is_current());
    shard_.unwatch(descriptor_);
  }

  /// Notes both ends' addresses; false when the peer is gone already.
  bool learn_addresses() {
    try {
      peer_ = text_of(socket_.peerAddress());
      local_ = text_of(socket_.address());
      return true;
    } catch (const Poco::Exception&) {
      return false;
    }
  }

  /// Between these two, `writable()` waits for the outcome of a connection attempt.
  void await_connect() { writable_.close(); }
  void give_up_connect() { writable_.open(); }
  /// What became of the connection attempt, 0 when it succeeded.
  int connect_outcome() { return socket_.impl()->socketError(); }

  Result<Transfer> receive(std::span<uint8_t> into) override {
    ssize_t count = ::recv(descriptor_, into.data(), into.size(), 0);
    if (count == 0) return Transfer{.end_of_stream = true};
    if (count < 0) return failed_transfer(readable_, "receive from ");
    bool drained = static_cast<size_t>(count) < into.size() && !hung_up_;
    if (drained) readable_.close();
    return moved(count, drained);
  }

  Result<Transfer> send(std::span<const Bytes> pieces, bool more_follows) override {
    constexpr size_t kMaxPieces = 64;
    iovec vectors[kMaxPieces];
    msghdr message = {};
    message.msg_iov = vectors;
    message.msg_iovlen = std::min(pieces.size(), kMaxPieces);
    for (size_t i = 0; i < message.msg_iovlen; ++i) {
      vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};
    }
    ssize_t count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    if (count < 0) return failed_transfer(writable_, "send to ");
    return moved(count, false);
  }

  Result<Transfer> send_file(const FileSlice& slice) override {
    auto position = static_cast<off_t>(slice.position);
    ssize_t count = ::sendfile(descriptor_, slice.file->descriptor(), &position, slice.size);
    if (count < 0) {
      auto outcome = failed_transfer(writable_, "send to ");
      if (outcome) return outcome;
      // Was it the peer or the disk? Whoever watches the file has to hear of the latter.
      uint8_t first_byte = 0;
      auto read = slice.file->read_at(slice.position, {&first_byte, 1});
      if (!read) return read.error();
      return outcome;
    }
    if (count == 0) return system_error(EIO, "the file is shorter than was promised: " + slice.file->path());
    return moved(count, false);
  }

  void expect(size_t bytes) override {
    int wanted = bytes < kLeastLowWater ? 1 : static_cast<int>(std::min(bytes, kMostLowWater));
    if (wanted == low_water_) return;
    if (::setsockopt(descriptor_, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted) == 0) low_water_ = wanted;
  }

  Instant last_activity() const override {
    if (low_water_ == 1) return last_transfer_;
    tcp_info info = {};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return last_transfer_;
    Instant received = shard_.clock().now() - std::chrono::milliseconds(info.tcpi_last_data_recv);
    return std::max(last_transfer_, received);
  }

  void shut_down() override { ::shutdown(descriptor_, SHUT_RDWR); }
  const std::string& peer() const override { return peer_; }
  const std::string& local() const override { return local_; }

 private:
  Transfer moved(ssize_t count, bool would_block) {
    last_transfer_ = shard_.clock().now();
    return Transfer{.size = static_cast<size_t>(count), .would_block = would_block};
  }
  Result<Transfer> failed_transfer(ReadyGate& gate, const char* doing) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      gate.close();
      return Transfer{.would_block = true};
    }
    if (errno == EINTR) return Transfer{};
    return system_error(errno, doing + peer_);
  }

  void on_io(uint32_t events) override {
    bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLIN) != 0 || ended) readable_.open();
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_.open();
    if (ended && !hung_up_) {
      hung_up_ = true;
      if (hang_up_) hang_up_();
    }
  }

  EpollShard& shard_;
  Poco::Net::StreamSocket socket_;
  const int descriptor_;
  int low_water_ = 1;
  std::string peer_;
  std::string local_;
  bool hung_up_ = false;
};

/// The address of `peer` without its port; empty when it can't be told.
std::string host_of(const sockaddr_storage& peer, socklen_t size) {
  try {
    std::string text = text_of(Poco::Net::SocketAddress(reinterpret_cast<const sockaddr*>(&peer), size));
    text.erase(text.rfind(':'));
    return text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
  } catch (const Poco::Exception&) {
    return "";
  }
}

/// Makes a socket ready for our use; false when the peer is gone already.
bool prepare(Poco::Net::StreamSocket& socket, int send_buffer_bytes = -1) {
  try {
    if (send_buffer_bytes >= 0) socket.setSendBufferSize(send_buffer_bytes);
    socket.setBlocking(false);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    return true;
  } catch (const Poco::Exception&) {
    return false;
  }
}

class PosixListener final : public Listener, IoHandler {
 public:
  PosixListener(Poco::Net::ServerSocket socket, int send_buffer_bytes, Admit admit)
      : shard_(current_epoll_shard()),
        socket_(std::move(socket)),
        send_buffer_bytes_(send_buffer_bytes),
        admit_(std::move(admit)) {
    shard_.watch(socket_.impl()->sockfd(), *this);
  }
  ~PosixListener() override {
    ASSERT(shard_.is_current());
    shard_.cancel(retry_);
    shard_.unwatch(socket_.impl()->sockfd());
  }

  void pause() override { is_paused_ = true; }
  void resume() override {
    if (!std::exchange(is_paused_, false)) return;
    // What waits in the backlog told of itself before. Not from here: the caller may be deciding on a connection.
    shard_.cancel(retry_);
    retry_ = shard_.call_after(Duration::zero(), [this] { on_io(0); });
  }
  uint16_t port() const override { return socket_.address().port(); }

 private:
  void on_io(uint32_t) override {
    while (!is_paused_ && accept_one()) {
    }
  }

  /// True when there may be more to accept.
  bool accept_one() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    int descriptor = ::accept4(socket_.impl()->sockfd(), reinterpret_cast<sockaddr*>(&peer), &size,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return after_failed_accept();
    hand_over(descriptor, admit_(host_of(peer, size)));
    return true;
  }

  bool after_failed_accept() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EINTR || errno == ECONNABORTED) return true;
    // Out of descriptors or memory: the connection stays in the backlog, and no new edge will tell of it.
    std::string reason = std::error_code(errno, std::system_category()).message();
    log::warn("could not accept a connection, will try again reason=\"{}\"", reason);
    shard_.cancel(retry_);
    retry_ = shard_.call_after(std::chrono::milliseconds(100), [this] { on_io(0); });
    return false;
  }

  // The descriptor, not a socket: Poco's are shared objects, which even a move leaves in two threads' hands.
  void hand_over(int descriptor, Admission admission) {
    if (admission.shard == nullptr) {
      ::close(descriptor);
      return;
    }
    auto take = [descriptor, send_buffer_bytes = send_buffer_bytes_,
                 handler = std::move(admission.handler)]() mutable {
      Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(descriptor));
      if (!prepare(socket, send_buffer_bytes)) return;
      auto connected = std::make_unique<PosixSocket>(std::move(socket));
      if (connected->learn_addresses()) handler(std::move(connected));
    };
    admission.shard->post(std::move(take));
  }

  EpollShard& shard_;
  Poco::Net::ServerSocket socket_;
  const int send_buffer_bytes_;
  Admit admit_;
  bool is_paused_ = false;
  TimerId retry_ = 0;
};

Error connect_error(const std::string& host, uint16_t port, int number, const std::string& reason) {
  return Error{std::error_code(number, std::system_category()),
               "connect to " + host + ":" + std::to_string(port) + ": " + reason};
}

Result<Poco::Net::SocketAddress> resolve(const std::string& host, uint16_t port) {
  try {
    return Poco::Net::SocketAddress(host, port);
  } catch (const Poco::Exception& exception) {
    return connect_error(host, port, EHOSTUNREACH, exception.displayText());
  }
}

/// A socket whose connect is under way; the outcome shows once it is writable.
Result<std::unique_ptr<Socket>> start_connect(const Poco::Net::SocketAddress& address, const std::string& host) {
  try {
    Poco::Net::StreamSocket socket;
    socket.connectNB(address);
    prepare(socket);
    auto connecting = std::make_unique<PosixSocket>(socket);
    connecting->await_connect();
    return std::unique_ptr<Socket>(std::move(connecting));
  } catch (const Poco::Exception& exception) {
    return connect_error(host, address.port(), exception.code() != 0 ? exception.code() : ECONNREFUSED,
                         exception.displayText());
  }
}

/// Throws Poco's exceptions.
Poco::Net::ServerSocket bound_socket(const std::string& host, uint16_t port) {
  Poco::Net::ServerSocket socket;
  if (!host.empty()) {
    socket.bind(Poco::Net::SocketAddress(host, port), true, false);
    return socket;
  }
  try {
    socket.bind6(Poco::Net::SocketAddress(Poco::Net::SocketAddress::IPv6, "::", port), true, false, false);
    return socket;
  } catch (const Poco::Net::NetException& exception) {
    if (exception.code() == EADDRINUSE || exception.code() == EACCES) throw;
    Poco::Net::ServerSocket only_v4;  // a kernel without IPv6
    only_v4.bind(Poco::Net::SocketAddress("0.0.0.0", port), true, false);
    return only_v4;
  }
}

/// Throws Poco's exceptions. The buffer's size counts from the handshake on, so it is set before listening.
Poco::Net::ServerSocket listening_socket(const std::string& host, uint16_t port, const ListenOptions& options) {
  Poco::Net::ServerSocket socket = bound_socket(host, port);
  if (options.receive_buffer_bytes >= 0) socket.setReceiveBufferSize(options.receive_buffer_bytes);
  socket.listen(options.backlog);
  socket.setBlocking(false);
  return socket;
}

}  // namespace

Result<std::unique_ptr<Listener>> PosixNetwork::listen(const std::string& host, uint16_t port,
                                                       ListenOptions options, Listener::Admit admit) {
  try {
    return std::unique_ptr<Listener>(std::make_unique<PosixListener>(listening_socket(host, port, options),
                                                                     options.send_buffer_bytes, std::move(admit)));
  } catch (const Poco::Exception& exception) {
    int number = exception.code() != 0 ? exception.code() : EADDRINUSE;
    return system_error(number, "listen on " + (host.empty() ? "*" : host) + ":" + std::to_string(port));
  }
}

Task<Result<std::unique_ptr<Socket>>> PosixNetwork::connect(std::string host, uint16_t port, Duration timeout) {
  auto look_up = [&host, port] { return resolve(host, port); };
  auto address = co_await in_background(pool_, look_up);
  if (!address) co_return address.error();
  auto socket = start_connect(*address, host);
  if (!socket) co_return socket.error();
  auto* connecting = static_cast<PosixSocket*>(socket->get());
  bool timed_out = false;
  Shard& shard = *Shard::current();
  TimerId timer = shard.call_after(timeout, [connecting, &timed_out] {
    timed_out = true;
    connecting->shut_down();
    connecting->give_up_connect();
  });
  co_await connecting->writable();
  shard.cancel(timer);
  if (timed_out) co_return connect_error(host, port, ETIMEDOUT, "timed out");
  if (int number = connecting->connect_outcome(); number != 0) {
    co_return connect_error(host, port, number, std::error_code(number, std::system_category()).message());
  }
  if (!connecting->learn_addresses()) co_return connect_error(host, port, ECONNREFUSED, "connection refused");
  co_return std::move(*socket);
}

}  // namespace gregor
