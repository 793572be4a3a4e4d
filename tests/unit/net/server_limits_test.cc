#include <dirent.h>

#include <sstream>

#include "server_fixture.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

/// A server whose limits matter.
class ServerLimitsTest : public ServerTest {
 protected:
  static Task<bool> limits_set(Server& server, ServerLimits limits) {
    co_await server.set_limits(std::move(limits));
    co_return true;
  }
  static Task<bool> listener_closed(Server& server, std::string name) {
    co_await server.close_listener(std::move(name));
    co_return true;
  }
  static Task<MetricPage> page_of(Server& server) {
    MetricWriter write = co_await server.collect();
    MetricPage page;
    write(page);
    co_return std::move(page);
  }

  static ServerConfig with(const ConnectionQuotaLimits& quotas) {
    ServerConfig config;
    config.limits.quotas = quotas;
    return config;
  }
  void set(const ConnectionQuotaLimits& quotas) {
    ServerLimits limits;
    limits.quotas = quotas;
    first_.run(limits_set(*server_, std::move(limits)));
  }
  uint16_t listen_too(const std::string& name) {
    return *first_.call([&] { return server_->listen({name, "127.0.0.1", 0}); });
  }
  /// The sum of all series of that name whose labels have these values.
  double metric(const std::string& name, const std::vector<std::string>& values = {}) {
    double sum = 0;
    for (const auto& family : first_.run(page_of(*server_)).take()) {
      if (family.name != name) continue;
      for (const auto& row : family.metric) {
        auto has = [&](const std::string& value) {
          return std::any_of(row.label.begin(), row.label.end(), [&](const auto& l) { return l.value == value; });
        };
        if (std::all_of(values.begin(), values.end(), has)) sum += row.counter.value + row.gauge.value;
      }
    }
    return sum;
  }
  double connections() { return metric("kafka_server_socket_server_metrics_connection_count"); }
  double refused(const std::string& reason) { return metric("gregor_network_refused_connections_total", {reason}); }

  static bool is_served(TestClient& client) { return client.send("echo") && client.receive() == "echo"; }
  /// Served, and long enough before the next one for nobody to doubt the order.
  static bool is_served_before(TestClient& client) {
    bool is_served_now = is_served(client);
    std::this_thread::sleep_for(100ms);
    return is_served_now;
  }
  /// It hears nothing for a while: it waits in the backlog.
  static bool is_kept_waiting(TestClient& client) {
    return client.send("echo") && !client.hears_something_within(200ms);
  }
};

TEST_F(ServerLimitsTest, IdleConnectionIsClosedAndCountedAndABusyOneIsNot) {
  ServerConfig config;
  config.limits.max_idle = 200ms;
  start(config);
  TestClient busy = connect();
  TestClient idle = connect();
  std::thread closed([&] { EXPECT_TRUE(idle.is_closed()); });
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(busy.send("echo"));
    ASSERT_EQ(busy.receive(), "echo");
    std::this_thread::sleep_for(10ms);
  }
  closed.join();
  EXPECT_EQ(metric("kafka_network_socketserver_expiredconnectionskilledcount"), 1);
}

TEST_F(ServerLimitsTest, ConnectionThatIsHandledWhenItExpiresIsCountedOnce) {
  ServerConfig config;
  config.limits.max_idle = 20ms;
  handler_.ignores_gone = true;
  start(config);
  TestClient waiting = connect();
  ASSERT_TRUE(waiting.send("wait"));
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(metric("kafka_network_socketserver_expiredconnectionskilledcount"), 1);
  handler_.ignores_gone = false;
}

TEST_F(ServerLimitsTest, RequestThatComesByteByByteIsNoIdleness) {
  ServerConfig config;
  config.limits.max_idle = 200ms;
  start(config);
  TestClient slow = connect();
  for (char byte : framed("echo, slowly, but it is on its way")) {
    ASSERT_TRUE(slow.send_raw(std::string(1, byte)));
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(slow.receive(), "echo, slowly, but it is on its way");
}

TEST_F(ServerLimitsTest, AnswerThatIsReadSlowlyIsNoIdleness) {
  ServerConfig config;
  config.limits.max_idle = 300ms;
  config.listen.send_buffer_bytes = 16 << 10;
  start(config);
  TestClient slow(port_, {.receive_buffer_bytes = 16 << 10});
  ASSERT_TRUE(slow.send("big"));
  size_t left = 4 + (8 << 20);
  for (size_t piece = 128 << 10; left > 0; left -= std::min(left, piece)) {
    ASSERT_TRUE(slow.receive_raw(std::min(left, piece)).has_value());
    std::this_thread::sleep_for(15ms);
  }
  EXPECT_TRUE(is_served(slow));
}

TEST_F(ServerLimitsTest, NegativeIdleTimeKeepsConnectionsForEver) {
  ServerConfig config;
  config.limits.max_idle = -1ms;
  start(config);
  TestClient client = connect();
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(is_served(client));
}

TEST_F(ServerLimitsTest, AtMaxConnectionsTheNextWaitsUntilOneEnds) {
  start(with({.max_connections = 2}));
  TestClient first = connect(), second = connect();
  ASSERT_TRUE(is_served(first) && is_served(second));
  TestClient third = connect();
  EXPECT_TRUE(is_kept_waiting(third));
  EXPECT_EQ(metric("gregor_network_listener_held", {"PLAIN", "max_connections"}), 1);
  EXPECT_EQ(metric("gregor_network_listener_held", {"PLAIN", "creation_rate"}), 0);
  first.reset();
  EXPECT_EQ(third.receive(), "echo");
  EXPECT_EQ(metric("gregor_network_listener_holds_total", {"PLAIN", "max_connections"}), 2);
  EXPECT_EQ(connections(), 2);
}

TEST_F(ServerLimitsTest, AHigherLimitLetsInWhoWaitsAndALowerOneEndsTheLeastRecentlyUsed) {
  start(with({.max_connections = 1}));
  TestClient first = connect();
  ASSERT_TRUE(is_served(first));
  TestClient second = connect();
  ASSERT_TRUE(is_kept_waiting(second));
  set({.max_connections = 2});
  EXPECT_EQ(second.receive(), "echo");
  std::this_thread::sleep_for(100ms);
  ASSERT_TRUE(is_served_before(first));
  set({.max_connections = 1});
  EXPECT_TRUE(second.is_closed());
  EXPECT_TRUE(is_served(first));
  // The one that ends it tells the one that counts.
  EXPECT_TRUE(eventually([&] { return refused("max_connections") == 1; }));
}

TEST_F(ServerLimitsTest, AProtectedListenerLetsInBeyondTheLimitAndTheLeastRecentlyUsedOfOthersGoes) {
  start(with({.max_connections = 3, .protected_listener = "INSIDE"}));
  uint16_t inside = listen_too("INSIDE");
  TestClient oldest = connect(), slow = connect(), newest = connect();
  ASSERT_TRUE(is_served_before(oldest) && is_served_before(slow) && is_served_before(newest));
  // Since then the first has sent a part of a request: it is not the least recently used.
  ASSERT_TRUE(oldest.send_raw(framed("echo").substr(0, 6)));
  std::this_thread::sleep_for(100ms);
  TestClient broker(inside);
  EXPECT_TRUE(is_served(broker));
  EXPECT_TRUE(slow.is_closed());
  ASSERT_TRUE(oldest.send_raw(framed("echo").substr(6)));
  EXPECT_EQ(oldest.receive(), "echo");
  EXPECT_TRUE(is_served(newest));
  TestClient waiting = connect();
  EXPECT_TRUE(is_kept_waiting(waiting));
}

TEST_F(ServerLimitsTest, AStormOnAProtectedListenerMakesAsManyOthersGo) {
  constexpr int kMany = 50;
  start(with({.max_connections = kMany, .protected_listener = "INSIDE"}));
  uint16_t inside = listen_too("INSIDE");
  std::vector<TestClient> outsiders, brokers;
  // Not waiting for answers: some of the first are on their way to their shard when the others come.
  for (int i = 0; i < kMany; ++i) outsiders.emplace_back(port_);
  for (int i = 0; i < kMany; ++i) brokers.emplace_back(inside);
  for (auto& client : brokers) ASSERT_TRUE(is_served(client));
  auto outside = [this] { return metric("kafka_server_socket_server_metrics_connection_count", {"PLAIN"}); };
  EXPECT_TRUE(eventually([&] { return outside() == 0; }));
  EXPECT_EQ(connections(), kMany);
}

TEST_F(ServerLimitsTest, AnAddressThatHasTooManyIsRefusedAndOthersAreNot) {
  start(with({.max_connections_per_ip = 2, .per_ip_overrides = {{"127.0.0.3", 1}}}));
  TestClient first = connect(), second = connect(), third = connect();
  EXPECT_TRUE(third.is_closed());
  EXPECT_TRUE(is_served(first) && is_served(second));
  TestClient other(port_, {.source = "127.0.0.2"});
  EXPECT_TRUE(is_served(other));
  TestClient single(port_, {.source = "127.0.0.3"}), too_many(port_, {.source = "127.0.0.3"});
  EXPECT_TRUE(is_served(single));
  EXPECT_TRUE(too_many.is_closed());
  EXPECT_EQ(refused("connections_per_ip"), 2);
  set({.max_connections_per_ip = 3});
  TestClient fourth = connect();
  EXPECT_TRUE(is_served(fourth));
}

TEST_F(ServerLimitsTest, ConnectionsThatAreResetAreCountedOff) {
  start(with({.max_connections_per_ip = 5}));
  for (int round = 0; round < 40; ++round) {
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) clients.emplace_back(port_);
    std::string begun = framed("echo").substr(0, round % 2 == 0 ? 6 : 0);
    ASSERT_TRUE(clients.front().send_raw(begun));
    for (auto& client : clients) client.reset();
    ASSERT_TRUE(eventually([&] { return connections() == 0; }));
    std::this_thread::sleep_for(1ms);  // until home has heard
  }
  TestClient client = connect();
  EXPECT_TRUE(is_served(client));
}

TEST_F(ServerLimitsTest, AnAddressThatConnectsTooOftenIsKeptWaitingAndClosed) {
  ConnectionQuotaLimits limits;
  limits.ip_creation_rate = 2;
  limits.rate_windows = {2, 500ms};
  start(with(limits));
  TestClient first = connect();
  ASSERT_TRUE(is_served(first));
  auto began = std::chrono::steady_clock::now();
  TestClient second = connect();
  EXPECT_TRUE(second.is_closed());
  EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms) << "not at once, or it would come again at once";
  EXPECT_EQ(refused("ip_creation_rate"), 1);
}

TEST_F(ServerLimitsTest, AListenerThatIsTooFastGoesOnInTime) {
  ConnectionQuotaLimits limits;
  limits.max_creation_rate = 4;
  limits.rate_windows = {2, 500ms};
  start(with(limits));
  auto began = std::chrono::steady_clock::now();
  std::vector<TestClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(is_served(clients.back()));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, 1s) << "ten at four a second, of which two may come at once";
  EXPECT_GT(metric("gregor_network_listener_holds_total", {"PLAIN", "creation_rate"}), 0);
  EXPECT_GT(metric("kafka_server_socket_server_metrics_broker_connection_accept_rate"), 0);
}

TEST_F(ServerLimitsTest, ClosingAListenerEndsItsConnectionsAndNoOthers) {
  start(with({.listeners = {{"MORE", {.max_connections = 1}}}}));
  uint16_t more = listen_too("MORE");
  TestClient stays = connect();
  TestClient goes(more), waits(more);
  ASSERT_TRUE(is_served(stays) && is_served(goes) && is_kept_waiting(waits));
  EXPECT_TRUE(first_.call([&] { return server_->is_listening("MORE"); }));
  first_.run(listener_closed(*server_, "MORE"));
  EXPECT_FALSE(first_.call([&] { return server_->is_listening("MORE"); }));
  EXPECT_TRUE(goes.is_closed());
  EXPECT_TRUE(waits.is_closed());
  EXPECT_FALSE(TestClient(more).is_connected());
  EXPECT_TRUE(is_served(stays));
  EXPECT_EQ(metric("gregor_network_listener_held", {"MORE"}), 0);
  more = listen_too("MORE");
  TestClient again(more);
  EXPECT_TRUE(is_served(again));
}

TEST_F(ServerLimitsTest, StopsWhateverWaits) {
  ConnectionQuotaLimits limits;
  limits.listeners = {{"FULL", {.max_connections = 1}}, {"FAST", {.max_creation_rate = 1}}};
  limits.ip_creation_rates = {{"127.0.0.9", 1}};
  limits.rate_windows = {2, 60s};
  ServerConfig config = with(limits);
  config.listen.backlog = 1000;
  start(config, 10);
  uint16_t full = listen_too("FULL"), fast = listen_too("FAST");
  TestClient holder = connect(), for_memory = connect();
  ASSERT_TRUE(holder.send_raw(framed(std::string(100, 'h')).substr(0, 50)));
  ASSERT_TRUE(eventually([&] { return budget_->used_bytes() == 100; }));
  ASSERT_TRUE(for_memory.send("echo"));
  TestClient inside_full(full), behind_full(full);
  std::vector<TestClient> fast_ones;
  for (int i = 0; i < 100; ++i) fast_ones.emplace_back(fast);
  std::vector<TestClient> held;
  for (int i = 0; i < 100; ++i) held.push_back(TestClient(port_, {.source = "127.0.0.9"}));
  ASSERT_TRUE(eventually([&] { return refused("ip_creation_rate") > 0; }));
  ASSERT_TRUE(eventually([&] { return metric("gregor_network_listener_held", {"FAST"}) == 1; }));
  auto began = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  for (TestClient* client : {&holder, &for_memory, &inside_full, &behind_full, &fast_ones.back(), &held.back()}) {
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(ServerLimitsTest, ClientThatNeverReadsAndOneThatHardlySendsCostOnlyThemselves) {
  start({}, 1 << 20);
  TestClient deaf = connect(), slow = connect(), other = connect();
  ASSERT_TRUE(deaf.send("big"));
  std::atomic<bool> is_done{false};
  std::thread trickle([&] {
    for (char byte : framed("echo, byte by byte, never ending as it seems")) {
      if (is_done) break;
      slow.send_raw(std::string(1, byte));
      std::this_thread::sleep_for(50ms);
    }
  });
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(is_served(other));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  is_done = true;
  trickle.join();
}

/// Our end of the connection whose other end has that port.
int descriptor_of_peer(uint16_t port) {
  std::vector<int> descriptors;
  DIR* folder = ::opendir("/proc/self/fd");
  while (dirent* entry = ::readdir(folder)) descriptors.push_back(std::atoi(entry->d_name));
  ::closedir(folder);
  for (int descriptor : descriptors) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (ntohs(address.sin_port) == port) return descriptor;
  }
  return -1;
}

int option_of(int descriptor, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size);
  return value;
}

TEST_F(ServerLimitsTest, SocketsHaveTheBuffersThatWereAskedFor) {
  ServerConfig config;
  config.listen.send_buffer_bytes = 20'000;
  config.listen.receive_buffer_bytes = 30'000;
  start(config);
  TestClient client = connect();
  ASSERT_TRUE(is_served(client));
  int descriptor = descriptor_of_peer(client.local_port());
  ASSERT_GE(descriptor, 0);
  // socket(7): the kernel doubles what is asked for.
  EXPECT_EQ(option_of(descriptor, SO_SNDBUF), 40'000);
  EXPECT_EQ(option_of(descriptor, SO_RCVBUF), 60'000);
}

TEST_F(ServerLimitsTest, EventLoopsThatDoNothingAreIdle) {
  start();
  std::this_thread::sleep_for(200ms);
  for (const char* name : {"kafka_network_socketserver_networkprocessoravgidlepercent",
                           "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent"}) {
    EXPECT_GT(metric(name), 0.3) << name;
    EXPECT_LE(metric(name), 1) << name;
  }
}

}  // namespace
}  // namespace gregor
