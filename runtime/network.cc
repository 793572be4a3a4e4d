#include "runtime/network.h"

#include <cerrno>

namespace gregor {

void ReadyGate::open() {
  open_ = true;
  if (!waiting_) return;
  auto waiting = std::exchange(waiting_, nullptr);
  Shard::current()->post([waiting] { waiting.resume(); });
}

Task<Result<void>> receive_exactly(Socket& socket, std::span<uint8_t> into) {
  size_t asked = into.size();
  while (!into.empty()) {
    auto transfer = socket.receive(into);
    if (!transfer) co_return transfer.error();
    if (transfer->end_of_stream) {
      co_return system_error(ECONNRESET, into.size() == asked ? "end of stream" : "end of stream within a frame");
    }
    into = into.subspan(transfer->size);
    if (!transfer->would_block) continue;
    socket.expect(into.size());
    co_await socket.readable();
  }
  co_return Result<void>();
}

Task<Result<void>> send_all(Socket& socket, Bytes bytes, bool more_follows) {
  while (!bytes.empty()) {
    auto transfer = socket.send({&bytes, 1}, more_follows);
    if (!transfer) co_return transfer.error();
    bytes = bytes.subspan(transfer->size);
    if (transfer->would_block) co_await socket.writable();
  }
  co_return Result<void>();
}

Task<Result<void>> send_all_of_file(Socket& socket, FileSlice slice) {
  while (slice.size > 0) {
    auto transfer = socket.send_file(slice);
    if (!transfer) co_return transfer.error();
    slice.position += transfer->size;
    slice.size -= transfer->size;
    if (transfer->would_block) co_await socket.writable();
  }
  co_return Result<void>();
}

}  // namespace gregor
