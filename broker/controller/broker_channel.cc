#include "broker/controller/broker_channel.h"

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr Duration kRetryDelay = std::chrono::milliseconds(100);

}  // namespace

BrokerChannel::BrokerChannel(Network& network, BrokerId broker, const std::string& host, uint16_t port,
                             Duration timeout)
    : broker_(broker), client_(network, host, port, timeout) {}

void BrokerChannel::send(Buffer frame, AnswerHandler on_answer) {
  if (is_closed_) return;
  queue_.push_back({std::move(frame), std::move(on_answer)});
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
  bool is_warned = false;
  while (!queue_.empty()) {
    Buffer frame = Buffer::copy_of(queue_.front().frame.view());
    Result<Buffer> answer = co_await client_.exchange(std::move(frame));
    if (is_closed_) co_return;
    if (!answer) {
      if (!is_warned)
        log::warn("could not reach a broker, trying on broker={} reason=\"{}\"", broker_.value,
                  answer.error().message);
      is_warned = true;
      co_await sleep_for(kRetryDelay);
      if (is_closed_) co_return;
      continue;
    }
    is_warned = false;
    AnswerHandler on_answer = std::move(queue_.front().on_answer);
    queue_.pop_front();
    on_answer(*answer);
  }
  is_running_ = false;
}

}  // namespace gregor
