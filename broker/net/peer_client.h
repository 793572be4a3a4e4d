#pragma once

#include <memory>
#include <string>

#include "runtime/buffer.h"
#include "runtime/network.h"

namespace gregor {

/// Our side of a connection to another broker: sends one frame, receives one. Connects when there is first
/// something to send, and again after a failure. One exchange at a time; lives on the shard that uses it.
class PeerClient {
 public:
  PeerClient(Network& network, std::string host, uint16_t port, Duration timeout);

  /// Sends `frame` (its size prefix included) and yields the answer without its size prefix. After an Error the
  /// connection is closed: whether the peer acted on the frame is then unknown.
  Task<Result<Buffer>> exchange(Buffer frame);
  /// Ends a pending exchange with an Error.
  void shut_down();
  const std::string& address() const { return address_; }

 private:
  Task<Result<Buffer>> exchange_connected(Buffer frame);

  Network& network_;
  const std::string host_;
  const uint16_t port_;
  const std::string address_;
  const Duration timeout_;
  std::unique_ptr<Socket> socket_;
  bool shut_down_ = false;
};

}  // namespace gregor
