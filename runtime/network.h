#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/background_pool.h"
#include "runtime/bytes.h"
#include "runtime/file.h"
#include "runtime/result.h"
#include "runtime/shard.h"

namespace gregor {

/// Opened by the shard when a socket is ready for one direction, awaited by at most one coroutine.
class ReadyGate {
 public:
  ReadyGate() = default;
  ReadyGate(const ReadyGate&) = delete;
  ReadyGate& operator=(const ReadyGate&) = delete;

  /// Lets the waiting coroutine, or the next one, through.
  void open();
  /// Called when an attempt found the socket exhausted.
  void close() { open_ = false; }

  // A value, not the gate itself: g++ 12 copies an awaiter that it is given by reference.
  struct Awaiter {
    ReadyGate* gate;
    bool await_ready() const { return gate->open_; }
    void await_suspend(std::coroutine_handle<> awaiting) const { gate->waiting_ = awaiting; }
    void await_resume() const {}
  };
  Awaiter passed() { return Awaiter{this}; }
  bool is_open() const { return open_; }

 private:
  bool open_ = true;
  std::coroutine_handle<> waiting_;
};

/// What one attempt to move bytes did. `would_block` means: await the gate, then try again.
struct Transfer {
  size_t size = 0;
  bool would_block = false;
  bool end_of_stream = false;
};

/// A connected, non-blocking stream socket. Lives on one shard and is used there only.
///
/// The three transfers never wait. They close the gate of their direction when the socket is exhausted; the caller
/// then does `co_await socket.readable()` or `socket.writable()` and tries again.
class Socket {
 public:
  virtual ~Socket() = default;

  virtual Result<Transfer> receive(std::span<uint8_t> into) = 0;
  /// Sends a prefix of `pieces`. `more_follows` lets the kernel hold back a packet that is not full.
  virtual Result<Transfer> send(std::span<const Bytes> pieces, bool more_follows) = 0;
  /// Sends a prefix of `slice` without copying it through this process where that is possible.
  virtual Result<Transfer> send_file(const FileSlice& slice) = 0;
  /// Ends both directions: pending and later transfers see the end of the stream.
  virtual void shut_down() = 0;
  /// The other side, as `address:port`.
  virtual const std::string& peer() const = 0;
  /// The local side's address and port.
  virtual const std::string& local() const = 0;

  /// Lets `readable` wait until about this many bytes are there, where the operating system can: whoever waits for
  /// much need not be woken for every packet. Stays until it is asked for something else, at the beginning 0: to be
  /// woken by any byte. The end of the stream always wakes.
  virtual void expect(size_t bytes) { (void)bytes; }

  /// Awaited, continues when the socket may have something to read, or room to write.
  ReadyGate::Awaiter readable() { return readable_.passed(); }
  ReadyGate::Awaiter writable() { return writable_.passed(); }
  /// False when `readable` would wait.
  bool may_be_readable() const { return readable_.is_open(); }
  /// When `receive`, `send` or `send_file` last moved any bytes; before that, when the socket was made.
  Instant last_transfer() const { return last_transfer_; }
  /// The same, or later where bytes have come since that nobody was woken for.
  virtual Instant last_activity() const { return last_transfer_; }
  /// Called on the shard, once, when the peer has closed or reset the connection; for a handler that waits for
  /// something else than this socket.
  void on_hang_up(UniqueFunction<void()> callback) { hang_up_ = std::move(callback); }

 protected:
  ReadyGate readable_;
  ReadyGate writable_;
  Instant last_transfer_{};
  UniqueFunction<void()> hang_up_;
};

/// Given a connected socket on the shard it belongs to.
using AcceptHandler = UniqueFunction<void(std::unique_ptr<Socket>)>;

/// Where a connection that was just accepted goes. `handler` is destroyed unused where the peer was gone already.
struct Admission {
  Shard* shard = nullptr;  ///< null: the connection is closed at once
  AcceptHandler handler;
};

struct ListenOptions {
  int backlog = 50;            ///< connections that may wait to be accepted
  int send_buffer_bytes = -1;  ///< of accepted sockets; -1 leaves it to the operating system, as in the next one
  int receive_buffer_bytes = -1;
};

/// A listening socket. Closed when destroyed. On the shard that made it.
class Listener {
 public:
  /// Decides on a connection, of whose peer it is told the address.
  using Admit = UniqueFunction<Admission(const std::string& address)>;

  virtual ~Listener() = default;
  /// From the next one on, connections wait in the backlog until `resume`.
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// The port that it listens on, also where 0 was asked for.
  virtual uint16_t port() const = 0;
};

/// Where connections come from and go to.
class Network {
 public:
  virtual ~Network() = default;

  /// Listens on `host`:`port` (all addresses when `host` is empty). Connections are accepted on the calling shard,
  /// where `admit` is asked about each. Error: the address can't be bound, saying why.
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& host, uint16_t port, ListenOptions options,
                                                   Listener::Admit admit) = 0;
  /// Connects from the calling shard, looking the name up in the background. Error: names host, port and reason.
  virtual Task<Result<std::unique_ptr<Socket>>> connect(std::string host, uint16_t port, Duration timeout) = 0;
};

/// TCP through Poco's sockets. Its shards must be EpollShards.
class PosixNetwork final : public Network {
 public:
  explicit PosixNetwork(BackgroundPool& pool) : pool_(pool) {}

  Result<std::unique_ptr<Listener>> listen(const std::string& host, uint16_t port, ListenOptions options,
                                           Listener::Admit admit) override;
  Task<Result<std::unique_ptr<Socket>>> connect(std::string host, uint16_t port, Duration timeout) override;

 private:
  BackgroundPool& pool_;
};

/// Fills `into` from the socket, waiting as needed; whoever reads on by another way says what it expects.
/// Error: ECONNRESET when the stream ended before; its message says whether that was between two reads (nothing
/// received) or within.
Task<Result<void>> receive_exactly(Socket& socket, std::span<uint8_t> into);
/// Sends all of `bytes`, waiting as needed.
Task<Result<void>> send_all(Socket& socket, Bytes bytes, bool more_follows);
/// Sends all of `slice`, waiting as needed.
Task<Result<void>> send_all_of_file(Socket& socket, FileSlice slice);

}  // namespace gregor
