#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "runtime/buffer.h"
#include "runtime/network.h"

namespace gregor::testing {

/// A network on which one can only connect: whoever listens at a port is a function that is given each frame,
/// without its size, and returns the whole frame of the answer. Nothing waits for real time; for ManualShards.
class FakePeers final : public Network {
 public:
  using Peer = std::function<Buffer(uint16_t port, Bytes frame)>;

  explicit FakePeers(Peer peer) : peer_(std::move(peer)) {}

  /// Connections to `port` are refused, and those that there are end at the next frame.
  void take_down(uint16_t port) { down_.insert(port); }
  void bring_up(uint16_t port) { down_.erase(port); }

  Result<std::unique_ptr<Listener>> listen(const std::string&, uint16_t, ListenOptions, Listener::Admit) override {
    return system_error(ENOSYS, "listen");
  }
  Task<Result<std::unique_ptr<Socket>>> connect(std::string host, uint16_t port, Duration) override {
    co_await yield();
    if (down_.contains(port)) co_return system_error(ECONNREFUSED, "connect to " + host);
    co_return std::unique_ptr<Socket>(std::make_unique<PeerSocket>(*this, port));
  }

 private:
  class PeerSocket final : public Socket {
   public:
    PeerSocket(FakePeers& peers, uint16_t port) : peers_(peers), port_(port) {}

    Result<Transfer> receive(std::span<uint8_t> into) override {
      if (has_ended_) return Transfer{.end_of_stream = true};
      size_t size = std::min(into.size(), incoming_.size());
      std::copy_n(incoming_.begin(), size, into.begin());
      incoming_.erase(0, size);
      bool is_drained = size < into.size();
      if (is_drained) readable_.close();
      return Transfer{.size = size, .would_block = is_drained};
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
      has_ended_ = true;
      readable_.open();
    }
    const std::string& peer() const override { return name_; }
    const std::string& local() const override { return name_; }

   private:
    void deliver_frames() {
      while (outgoing_.size() >= 4) {
        auto size = static_cast<size_t>(load_big_endian<int32_t>(as_bytes(outgoing_).data()));
        if (outgoing_.size() < 4 + size) return;
        if (peers_.down_.contains(port_)) return shut_down();
        Buffer answer = peers_.peer_(port_, as_bytes(outgoing_).subspan(4, size));
        outgoing_.erase(0, 4 + size);
        incoming_.append(answer.view().begin(), answer.view().end());
        readable_.open();
      }
    }

    FakePeers& peers_;
    const uint16_t port_;
    const std::string name_ = "peer";
    std::string outgoing_;
    std::string incoming_;
    bool has_ended_ = false;
  };

  const Peer peer_;
  std::set<uint16_t> down_;
};

}  // namespace gregor::testing
