#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/buffer.h"
#include "runtime/network.h"

namespace gregor::testing {

/// A network on which one can only connect: whoever listens at a port is a coroutine that is given each frame,
/// without its size, and yields the bytes of the answer whenever it has them; none ends the connection. What
/// FakePeers is for peers that answer at once. For ManualShards.
class LoopbackNetwork final : public Network {
 public:
  using Peer = std::function<Task<Buffer>(uint16_t port, Buffer frame)>;

  explicit LoopbackNetwork(Peer peer) : peer_(std::move(peer)) {}

  Result<std::unique_ptr<Listener>> listen(const std::string&, uint16_t, ListenOptions, Listener::Admit) override {
    return system_error(ENOSYS, "listen");
  }
  Task<Result<std::unique_ptr<Socket>>> connect(std::string, uint16_t port, Duration) override {
    co_await yield();
    co_return std::unique_ptr<Socket>(std::make_unique<LoopbackSocket>(*this, port));
  }

 private:
  class LoopbackSocket;
  /// What an answer needs to find its way, also when the socket is gone.
  struct Line {
    LoopbackSocket* socket = nullptr;
    std::string incoming;
    bool has_ended = false;
  };

  class LoopbackSocket final : public Socket {
   public:
    LoopbackSocket(LoopbackNetwork& network, uint16_t port) : network_(network), port_(port) {
      line_->socket = this;
    }
    ~LoopbackSocket() override { line_->socket = nullptr; }

    Result<Transfer> receive(std::span<uint8_t> into) override {
      std::string& incoming = line_->incoming;
      size_t size = std::min(into.size(), incoming.size());
      std::copy_n(incoming.begin(), size, into.begin());
      incoming.erase(0, size);
      if (size == into.size()) return Transfer{.size = size};
      if (line_->has_ended) return Transfer{.size = size, .end_of_stream = size == 0};
      readable_.close();
      return Transfer{.size = size, .would_block = true};
    }
    Result<Transfer> send(std::span<const Bytes> pieces, bool) override {
      size_t size = 0;
      for (Bytes piece : pieces) {
        outgoing_.append(piece.begin(), piece.end());
        size += piece.size();
      }
      deliver_frames();
      return Transfer{.size = size};
    }
    Result<Transfer> send_file(const FileSlice&) override { return system_error(ENOSYS, "send_file"); }
    void shut_down() override {
      line_->has_ended = true;
      readable_.open();
    }
    const std::string& peer() const override { return name_; }
    const std::string& local() const override { return name_; }

    void wake() { readable_.open(); }

   private:
    void deliver_frames() {
      while (outgoing_.size() >= 4) {
        auto size = static_cast<size_t>(load_big_endian<int32_t>(as_bytes(outgoing_).data()));
        if (outgoing_.size() < 4 + size) return;
        Buffer frame = Buffer::copy_of(as_bytes(outgoing_).subspan(4, size));
        outgoing_.erase(0, 4 + size);
        spawn(answer(line_, network_.peer_(port_, std::move(frame))));
      }
    }

    LoopbackNetwork& network_;
    const uint16_t port_;
    const std::string name_ = "peer";
    std::string outgoing_;
    std::shared_ptr<Line> line_ = std::make_shared<Line>();
  };

  static Task<void> answer(std::shared_ptr<Line> line, Task<Buffer> answer) {
    co_await yield();
    Buffer bytes = co_await answer;
    if (bytes.empty()) line->has_ended = true;
    line->incoming.append(bytes.view().begin(), bytes.view().end());
    if (line->socket != nullptr) line->socket->wake();
  }

  const Peer peer_;
};

}  // namespace gregor::testing
