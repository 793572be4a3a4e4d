#include "broker/net/peer_client.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace gregor {
namespace {

constexpr int32_t kMaxAnswerBytes = 256 << 20;
// What an announced size alone may make us reserve; beyond it memory grows with the bytes that really came.
constexpr size_t kFirstReservationBytes = 1 << 20;

}  // namespace

PeerClient::PeerClient(Network& network, std::string host, uint16_t port, Duration timeout)
    : network_(network),
      host_(std::move(host)),
      port_(port),
      address_(host_ + ":" + std::to_string(port)),
      timeout_(timeout) {}

Task<Result<Buffer>> PeerClient::exchange(Buffer frame) {
  if (shut_down_) co_return system_error(ECANCELED, "exchange with " + address_);
  if (!socket_) {
    Result<std::unique_ptr<Socket>> connected = co_await network_.connect(host_, port_, timeout_);
    if (!connected) co_return connected.error();
    socket_ = std::move(*connected);
  }
  if (shut_down_) co_return system_error(ECANCELED, "exchange with " + address_);
  Socket& socket = *socket_;
  TimerId timer = Shard::current()->call_after(timeout_, [&socket] { socket.shut_down(); });
  Result<Buffer> answer = co_await exchange_connected(std::move(frame));
  Shard::current()->cancel(timer);
  if (!answer) socket_.reset();
  co_return answer;
}

Task<Result<Buffer>> PeerClient::exchange_connected(Buffer frame) {
  Result<void> sent = co_await send_all(*socket_, frame.view(), false);
  if (!sent) co_return sent.error();
  std::array<uint8_t, 4> prefix;
  Result<void> received = co_await receive_exactly(*socket_, prefix);
  if (!received) co_return received.error();
  auto size = load_big_endian<int32_t>(prefix.data());
  if (size < 0 || size > kMaxAnswerBytes) {
    co_return Error{std::make_error_code(std::errc::message_size),
                    address_ + " announced an answer of " + std::to_string(size) + " bytes"};
  }
  Buffer answer;
  while (answer.size() < static_cast<size_t>(size)) {
    size_t filled = answer.size();
    answer.resize(std::min(static_cast<size_t>(size), std::max(kFirstReservationBytes, filled * 2)));
    received = co_await receive_exactly(*socket_, answer.span().subspan(filled));
    if (!received) co_return received.error();
  }
  co_return std::move(answer);
}

void PeerClient::shut_down() {
  shut_down_ = true;
  if (socket_) socket_->shut_down();
}

}  // namespace gregor
