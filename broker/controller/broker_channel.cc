#include "broker/controller/broker_channel.h"

#include "runtime/logging.h"
#include "runtime/shard.h"

namespace gregor {
namespace {

constexpr Duration kRetryDelay = std::chrono::milliseconds(100);

}  // namespace

BrokerChannel::BrokerChannel(Network& network, BrokerId broker, const std::string& host, uint16_t port,
                             Duration timeout)
    : broker_(broker), client_(network, host, port, timeout) {}

void BrokerChannel::send(Buffer frame, AnswerHandler on_answer) {
  if (is_closed_) return;
  queue_.push_back({std::move(frame), std::move(on_answer), Shard::current()->clock().now()});
  if (!is_running_) spawn(run());
}

void BrokerChannel::close() {
  is_closed_ = true;
  queue_.clear();
  client_.shut_down();
}

Task<void> BrokerChannel::run() {
  auto self = shared_from_this();  // a closed channel lives until its last exchange has ended
  is_running_ = true;
  co_await yield();  // so that no answer comes while its request is being sent
  while (!queue_.empty()) {
    Pending next = take();
    std::optional<Buffer> answer = co_await deliver(std::move(next.frame));
    if (!answer) co_return;
    next.on_answer(*answer);
  }
  is_running_ = false;
}

BrokerChannel::Pending BrokerChannel::take() {
  Pending next = std::move(queue_.front());
  queue_.pop_front();
  Instant now = Shard::current()->clock().now();
  queue_times_.record(now - next.since, now);
  return next;
}

Task<std::optional<Buffer>> BrokerChannel::deliver(Buffer frame) {
  bool is_warned = false;
  while (!is_closed_) {
    Buffer copy = Buffer::copy_of(frame.view());
    Result<Buffer> answer = co_await client_.exchange(std::move(copy));
    if (is_closed_) break;
    if (answer) co_return std::move(*answer);
    if (!is_warned)
      log::warn("could not reach a broker by its advertised.listeners, trying on broker={} reason=\"{}\"",
                broker_.value, answer.error().message);
    is_warned = true;
    co_await sleep_for(kRetryDelay);
  }
  co_return std::nullopt;
}

}  // namespace gregor
