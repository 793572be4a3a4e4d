#include "broker/net/connection.h"

#include <algorithm>
#include <cerrno>

#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr size_t kPrefixBytes = 4;
// Taken from the socket at once when something comes: most requests whole.
constexpr size_t kHeadBytes = 20 << 10;
// What a frame's announced size and its head may make us reserve, and what its first bytes may; beyond that memory
// grows with the bytes that really came.
constexpr size_t kFirstReservationBytes = 64 << 10;
constexpr size_t kSecondReservationBytes = 2 << 20;
// Up to this size an answer with parts of files is put together in memory: one send costs less than a sendfile for
// each part and a send for each piece between them.
constexpr size_t kCopiedFrameBytes = 32 << 10;

/// How much room a frame gets of which `received` bytes are there.
size_t next_room(size_t size, size_t received) {
  if (received <= kHeadBytes) return std::min(size, kFirstReservationBytes);
  return std::min(size, std::max(kSecondReservationBytes, received * 2));
}

size_t size_of(const OutgoingFrame& frame) {
  size_t size = frame.bytes.size();
  for (const auto& splice : frame.splices) size += splice.slice.size;
  return size;
}

/// The whole of `frame` with what is spliced in. Error: a slice can't be read, or its file is shorter.
Result<Buffer> in_memory(const OutgoingFrame& frame) {
  Buffer whole;
  whole.reserve(size_of(frame));
  size_t begin = 0;
  for (const auto& splice : frame.splices) {
    whole.append(frame.bytes.view().subspan(begin, splice.position - begin));
    begin = splice.position;
    const FileSlice& slice = splice.slice;
    auto count = slice.file->read_at(slice.position, {whole.extend(slice.size), slice.size});
    if (!count) return count.error();
    if (*count < slice.size)
      return system_error(EIO, "the file is shorter than was promised: " + slice.file->path());
  }
  whole.append(frame.bytes.view().subspan(begin));
  return whole;
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
    info_.received = socket_->last_transfer();
    // The frame ends with its handling at the latest: an answer may be long on its way.
    Reply reply = co_await handler_.handle(info_, std::move(*frame));
    if (reply.kind == Reply::Kind::close) {
      log::warn("closed connection peer={} reason=\"{}\"", peer(), reply.reason);
      co_return;
    }
    if (reply.kind == Reply::Kind::send) {
      Result<void> sent = co_await send(reply.frame);
      if (reply.on_sent) reply.on_sent(sent ? socket_->last_transfer() : Shard::current()->clock().now());
      if (!sent) {
        if (!is_ordinary_end(sent.error()))
          log::warn("closed connection peer={} reason=\"{}\"", peer(), sent.error().message);
        co_return;
      }
    }
    // A peer that sends request upon request must not keep the others waiting.
    if (!ahead_.empty() || socket_->may_be_readable()) co_await yield();
  }
}

Task<Result<RequestFrame>> Connection::receive_frame() {
  Buffer head = std::exchange(ahead_, Buffer());
  Result<void> received = co_await receive_head(head);
  if (!received) co_return received.error();
  auto announced = load_big_endian<int32_t>(head.data());
  if (announced < 0 || static_cast<size_t>(announced) > limits_.max_frame_bytes) {
    co_return Error{std::make_error_code(std::errc::message_size),
                    "a request of " + std::to_string(announced) +
                        " bytes was announced; socket.request.max.bytes is " +
                        std::to_string(limits_.max_frame_bytes)};
  }
  size_t size = kPrefixBytes + static_cast<size_t>(announced);
  if (head.size() > size) {
    ahead_ = Buffer::copy_of(head.view().subspan(size));
    head.resize(size);
  }
  RequestFrame frame(budget_);
  frame.bytes() = head.capacity() <= 2 * size ? std::move(head) : Buffer::copy_of(head.view());
  frame.begin_at(kPrefixBytes);
  head = Buffer();
  received = co_await receive_rest(frame, size);
  if (!received) co_return received.error();
  co_return std::move(frame);
}

Task<Result<void>> Connection::receive_head(Buffer& head) {
  while (head.size() < kPrefixBytes) {
    socket_->expect(0);
    co_await socket_->readable();
    auto transfer = receive_some(head);
    if (!transfer) co_return transfer.error();
    if (transfer->end_of_stream) {
      co_return system_error(ECONNRESET, head.empty() ? "end of stream" : "end of stream within a frame");
    }
  }
  co_return Result<void>();
}

Result<Transfer> Connection::receive_some(Buffer& head) {
  // By way of the stack, so that nothing larger is held than what came, which mostly is little.
  uint8_t bytes[kHeadBytes];
  // While memory is short no more is taken than needed.
  size_t most = budget_.is_used_up() ? kPrefixBytes : kHeadBytes;
  auto transfer = socket_->receive({bytes, most - head.size()});
  if (transfer) head.append({bytes, transfer->size});
  return transfer;
}

Task<Result<void>> Connection::receive_rest(RequestFrame& frame, size_t size) {
  Buffer& bytes = frame.bytes();
  while (true) {
    size_t room = next_room(size, bytes.size());
    if (!frame.share().try_grow_to(room - kPrefixBytes)) {
      bool has_room = co_await frame.share().grow_to(room - kPrefixBytes, info_.gone);
      if (!has_room) co_return system_error(ECONNRESET, "waiting for request memory");
    }
    size_t filled = bytes.size();
    if (filled == size) break;
    bytes.resize(room);
    Result<void> received = co_await receive_exactly(*socket_, bytes.span().subspan(filled));
    if (!received) co_return received.error();
  }
  // Until the next frame is waited for nobody needs to hear of what comes.
  socket_->expect(size);
  co_return Result<void>();
}

Task<Result<void>> Connection::send(const OutgoingFrame& frame) {
  if (!frame.splices.empty() && size_of(frame) <= kCopiedFrameBytes) {
    Result<Buffer> whole = in_memory(frame);
    if (!whole) co_return whole.error();
    Result<void> sent = co_await send_all(*socket_, whole->view(), false);
    co_return sent;
  }
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
