#include "runtime/network.h"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/buffer.h"
#include "tests/support/test_shard.h"

namespace gregor {
namespace {

using testing::TestShard;

/// Sends back whatever it receives until the peer goes.
Task<void> echo(std::unique_ptr<Socket> socket) {
  Buffer chunk(4096);
  while (true) {
    auto transfer = socket->receive(chunk.span());
    if (!transfer || transfer->end_of_stream) co_return;
    auto sent = co_await send_all(*socket, chunk.view().first(transfer->size), false);
    if (!sent) co_return;
    if (transfer->would_block) co_await socket->readable();
  }
}

Task<void> send_pattern(Socket& socket, Bytes pattern, bool& sent) {
  auto outcome = co_await send_all(socket, pattern, false);
  sent = outcome.ok();
}

Task<bool> round_trip(Network& network, uint16_t port, size_t size) {
  auto socket = co_await network.connect("localhost", port, std::chrono::seconds(5));
  if (!socket) co_return false;
  Buffer pattern(size);
  std::iota(pattern.span().begin(), pattern.span().end(), static_cast<uint8_t>(0));
  bool sent = false;
  spawn(send_pattern(**socket, pattern.view(), sent));
  Buffer back(size);
  auto received = co_await receive_exactly(**socket, back.span());
  co_return received.ok() && sent&& std::equal(back.span().begin(), back.span().end(), pattern.data());
}

Task<Result<std::unique_ptr<Socket>>> connect_to(Network& network, uint16_t port) {
  auto socket = co_await network.connect("127.0.0.1", port, std::chrono::seconds(5));
  co_return std::move(socket);
}

TEST(Network, MovesMoreThanTheKernelsBuffersHold) {
  TestShard shard;
  ThreadPool pool(1);
  PosixNetwork network(pool);
  auto listen = [&] {
    return network.listen("", 0, {}, [&](const std::string&) {
      return Admission{&*shard, [](std::unique_ptr<Socket> socket) { spawn(echo(std::move(socket))); }};
    });
  };
  auto listener = shard.call(listen);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(shard.run(round_trip(network, (*listener)->port(), 8 << 20)));
  shard.call([&] { return (*listener).reset(), true; });
}

TEST(Network, RefusedConnectionNamesHostPortAndReason) {
  TestShard shard;
  ThreadPool pool(1);
  PosixNetwork network(pool);
  auto socket = shard.run(connect_to(network, 1));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().message, "connect to 127.0.0.1:1: Connection refused");
}

TEST(Network, SecondListenerOnOnePortIsRefused) {
  TestShard shard;
  ThreadPool pool(1);
  PosixNetwork network(pool);
  auto listen = [&](uint16_t port) {
    return network.listen("127.0.0.1", port, {}, [](const std::string&) { return Admission(); });
  };
  auto first = shard.call([&] { return listen(0); });
  ASSERT_TRUE(first);
  auto second = shard.call([&] { return listen((*first)->port()); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code.value(), EADDRINUSE);
  shard.call([&] { return (*first).reset(), true; });
}

}  // namespace
}  // namespace gregor
