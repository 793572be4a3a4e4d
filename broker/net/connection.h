#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "broker/net/frame.h"
#include "broker/net/request_frame.h"
#include "runtime/network.h"

namespace gregor {

/// What a request may know of the connection that it came by. Lives as long as the connection.
struct ConnectionInfo {
  std::string peer;           ///< address:port of the other side
  std::string listener_name;  ///< the listener that accepted it
  std::stop_token gone;       ///< stopped once the peer has hung up or the server closes
  Instant received{};         ///< when the request that is being handled had arrived
};

/// Turns a request frame into a reply; owned by whoever knows what frames mean. Called on the connection's shard,
/// by many connections at once.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  virtual Task<Reply> handle(const ConnectionInfo& connection, RequestFrame frame) = 0;
};

/// Limits that a connection keeps.
struct ConnectionLimits {
  size_t max_frame_bytes = 100 << 20;
};

/// One accepted connection: reads a frame, has it handled, sends the reply, and only then reads the next frame. So
/// replies are in the order of requests, and a peer that does not read its replies is not read from any more.
///
/// Lives on one shard, from serve's start to its end.
class Connection {
 public:
  Connection(std::unique_ptr<Socket> socket, std::string listener_name, FrameHandler& handler, MemoryBudget& budget,
             const ConnectionLimits& limits);

  /// Serves the peer until it goes, breaks the protocol or is shut down.
  Task<void> serve();
  /// Makes serve end soon: what waits is woken, nothing more is received.
  void shut_down();
  /// When anything was last received or sent, be it a part of a frame.
  Instant last_active() const { return socket_->last_activity(); }
  const std::string& peer() const { return info_.peer; }

 private:
  Task<Result<RequestFrame>> receive_frame();
  /// Receives until `head` has a frame's size at least.
  Task<Result<void>> receive_head(Buffer& head);
  Result<Transfer> receive_some(Buffer& head);
  /// Receives what is missing of the `size` bytes of a frame, its own size included.
  Task<Result<void>> receive_rest(RequestFrame& frame, size_t size);
  Task<Result<void>> send(const OutgoingFrame& frame);

  std::unique_ptr<Socket> socket_;
  FrameHandler& handler_;
  MemoryBudget& budget_;
  const ConnectionLimits& limits_;  ///< those of the shard, which may change
  /// The beginning of the next frame, which came with the last: as little as what the socket would hold of it, and
  /// like that no request memory. While it counted, a client that sends ahead would wait for itself.
  Buffer ahead_;
  std::stop_source gone_;
  ConnectionInfo info_;
};

}  // namespace gregor
