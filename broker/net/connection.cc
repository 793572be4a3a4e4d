#include "broker/net/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/logging.h"

namespace gregor {
namespace {

// What a frame's announced size alone may make us reserve, and what its first bytes may; beyond that memory grows
// with the bytes that really came.
constexpr size_t kFirstReservationBytes = 64 << 10;
constexpr size_t kSecondReservationBytes = 2 << 20;

/// How much room a frame gets of which `received` bytes are there.
size_t next_room(size_t size, size_t received) {
  if (received == 0) return std::min(size, kFirstReservationBytes);
  return std::min(size, std::max(kSecondReservationBytes, received * 2));
}

bool is_ordinary_end(const Error& error) {
  return error.code == std::error_code(ECONNRESET, std::system_category()) ||
         error.code == std::error_code(EPIPE, std::system_category());
}

}  // namespace

Connection::Connection(std::unique_ptr<Socket> socket, std::string listener_name, FrameHandler& handler,
                       MemoryBudget& budget, const ConnectionLimits& limits)
    : socket_(std::move(socket)),
      handler_(handler),
      budget_(budget),
      limits_(limits),
      info_{socket_->peer(), std::move(listener_name), gone_.get_token(), {}} {
  socket_->on_hang_up([this] { gone_.request_stop(); });
}

void Connection::shut_down() {
  gone_.request_stop();
  socket_->shut_down();
}

Task<void> Connection::serve() {
  while (true) {
    Result<RequestFrame> frame = co_await receive_frame();
    if (!frame) {
      if (!is_ordinary_end(frame.error()))
        log::warn("closed connection peer={} reason=\"{}\"", peer(), frame.error().message);
      co_return;
    }
    info_.received = last_active();
    // The frame ends with its handling at the latest: an answer may be long on its way.
    Reply reply = co_await handler_.handle(info_, std::move(*frame));
    if (reply.kind == Reply::Kind::close) {
      log::warn("closed connection peer={} reason=\"{}\"", peer(), reply.reason);
      co_return;
    }
    if (reply.kind == Reply::Kind::send) {
      Result<void> sent = co_await send(reply.frame);
      if (reply.on_sent) reply.on_sent(sent ? last_active() : Shard::current()->clock().now());
      if (!sent) {
        if (!is_ordinary_end(sent.error()))
          log::warn("closed connection peer={} reason=\"{}\"", peer(), sent.error().message);
        co_return;
      }
    }
    co_await yield();
  }
}

Task<Result<RequestFrame>> Connection::receive_frame() {
  std::array<uint8_t, 4> prefix;
  Result<void> received = co_await receive_exactly(*socket_, prefix);
  if (!received) co_return received.error();
  auto size = load_big_endian<int32_t>(prefix.data());
  if (size < 0 || static_cast<size_t>(size) > limits_.max_frame_bytes) {
    co_return Error{std::make_error_code(std::errc::message_size),
                    "a request of " + std::to_string(size) + " bytes was announced; socket.request.max.bytes is " +
                        std::to_string(limits_.max_frame_bytes)};
  }
  RequestFrame frame(budget_);
  received = co_await receive_body(frame, static_cast<size_t>(size));
  if (!received) co_return received.error();
  co_return std::move(frame);
}

Task<Result<void>> Connection::receive_body(RequestFrame& frame, size_t size) {
  Buffer& body = frame.bytes();
  while (body.size() < size) {
    size_t room = next_room(size, body.size());
    if (!frame.share().try_grow_to(room)) {
      bool has_room = co_await frame.share().grow_to(room, info_.gone);
      if (!has_room) co_return system_error(ECONNRESET, "waiting for request memory");
    }
    size_t filled = body.size();
    body.resize(room);
    Result<void> received = co_await receive_exactly(*socket_, body.span().subspan(filled));
    if (!received) co_return received.error();
  }
  co_return Result<void>();
}

Task<Result<void>> Connection::send(const OutgoingFrame& frame) {
  size_t begin = 0;
  for (const auto& splice : frame.splices) {
    Bytes before = frame.bytes.view().subspan(begin, splice.position - begin);
    Result<void> sent = co_await send_all(*socket_, before, true);
    if (!sent) co_return sent.error();
    sent = co_await send_all_of_file(*socket_, splice.slice);
    if (!sent) co_return sent.error();
    begin = splice.position;
  }
  Result<void> sent = co_await send_all(*socket_, frame.bytes.view().subspan(begin), false);
  co_return sent;
}

}  // namespace gregor
