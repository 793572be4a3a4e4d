#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "broker/metrics/histogram.h"
#include "broker/net/peer_client.h"
#include "broker/types/ids.h"

namespace gregor {

/// The controller's way to one broker: requests go out one after another, in the order in which they were sent, and
/// each is tried again until the broker has answered or the channel is closed, which the controller does when the
/// broker's znode goes. Repeating is safe: the requests carry epochs and say what is, not what to change.
///
/// On shard 0.
class BrokerChannel : public std::enable_shared_from_this<BrokerChannel> {
 public:
  /// Given the answer, without its size prefix; never before `send` has returned. Not called when the channel is
  /// closed first.
  using AnswerHandler = UniqueFunction<void(const Buffer&)>;

  BrokerChannel(Network& network, BrokerId broker, const std::string& host, uint16_t port, Duration timeout);

  void send(Buffer frame, AnswerHandler on_answer);
  void close();

  /// Requests that wait for their turn, without the one that is on its way.
  size_t queue_size() const { return queue_.size(); }
  /// How long requests waited for their turn; attempts to reach the broker are not in it.
  Histogram& queue_times() { return queue_times_; }

 private:
  struct Pending {
    Buffer frame;
    AnswerHandler on_answer;
    Instant since{};
  };

  Task<void> run();
  /// The next request, whose turn it is now.
  Pending take();
  /// Tries until there is an answer, or none when the channel is closed first.
  Task<std::optional<Buffer>> deliver(Buffer frame);

  const BrokerId broker_;
  PeerClient client_;
  std::deque<Pending> queue_;
  Histogram queue_times_;
  bool is_running_ = false;
  bool is_closed_ = false;
};

}  // namespace gregor
