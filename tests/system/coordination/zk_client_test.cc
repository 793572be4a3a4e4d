#include "broker/coordination/zk_client.h"

#define THREADED
#include <zookeeper/zookeeper.h>

#include <cstring>

#include "fixture.h"

namespace gregor {
namespace testing {

ZooKeeperServer& server() {
  static ZooKeeperServer instance;
  return instance;
}

std::string fresh_chroot() {
  static int last = 0;
  return "/tests/" + std::to_string(++last);
}

namespace {

/// The password is a function of the id: sixteen bytes of java.util.Random seeded with it.
clientid_t credentials(int64_t session_id) {
  constexpr uint64_t kMask = (1ULL << 48) - 1;
  clientid_t result{session_id, {}};
  uint64_t state = ((static_cast<uint64_t>(session_id) ^ 0xB3415C00ULL) ^ 0x5DEECE66DULL) & kMask;
  for (size_t i = 0; i < sizeof result.passwd; i += 4) {
    state = (state * 0x5DEECE66DULL + 0xB) & kMask;
    auto word = static_cast<uint32_t>(state >> 16);
    std::memcpy(result.passwd + i, &word, 4);
  }
  return result;
}

void ignore_event(zhandle_t*, int, int, const char*, void*) {}
void ignore_log(const char*) {}

Task<bool> close_client(ZkClient& client) {
  co_await client.close();
  co_return true;
}

}  // namespace

void expire_session(const std::string& address, int64_t session_id) {
  clientid_t id = credentials(session_id);
  zhandle_t* thief =
      zookeeper_init2(address.c_str(), ignore_event, 4000, &id, nullptr, ZOO_NO_LOG_CLIENTENV, ignore_log);
  ASSERT_TRUE(eventually([&] { return zoo_state(thief) == ZOO_CONNECTED_STATE; }));
  zookeeper_close(thief);
}

bool eventually(const std::function<bool()>& condition, Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

TestClient::TestClient(const std::string& chroot, Duration session_timeout, size_t max_in_flight) {
  ZkClientOptions options;
  options.connect = "localhost:" + std::to_string(server().port()) + chroot;
  options.session_timeout = session_timeout;
  options.max_in_flight = max_in_flight;
  auto client = run(ZkClient::connect(*shard_, pool_, std::move(options)));
  EXPECT_TRUE(client) << client.error().message;
  client_ = std::move(*client);
  shard_.call([this] {
    client_->on_watch([this](WatchEvent event) { events_.push_back(std::move(event)); });
    client_->on_session([this](SessionState state) { states_.push_back(state); });
    return true;
  });
}

TestClient::~TestClient() { close(); }

void TestClient::close() { run(close_client(*client_)); }

}  // namespace testing

namespace {

using namespace testing;

TEST(ZkClient, DoesEveryOperation) {
  TestClient zk(fresh_chroot());
  auto created = zk.create("/a", "one");
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->path, "/a");
  EXPECT_GT(created->stat.czxid, 0);
  auto set = zk.run(zk->set("/a", "two", 0));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->version, 1);
  EXPECT_EQ(zk.get("/a")->data, "two");
  EXPECT_EQ(zk.create("/a/seq_", "", CreateMode::persistent_sequential)->path, "/a/seq_0000000000");
  EXPECT_EQ(zk.create("/a/seq_", "", CreateMode::persistent_sequential)->path, "/a/seq_0000000001");
  auto ephemeral = zk.create("/a/mine", std::string("\0x", 2), CreateMode::ephemeral);
  EXPECT_EQ(ephemeral->stat.ephemeral_owner, zk.session_id());
  EXPECT_EQ(zk.get("/a/mine")->data, std::string("\0x", 2));
  auto children = zk.run(zk->children("/a", Watch::no));
  std::sort(children->names.begin(), children->names.end());
  EXPECT_EQ(children->names, (std::vector<std::string>{"mine", "seq_0000000000", "seq_0000000001"}));
  EXPECT_TRUE(zk.run(zk->remove("/a/mine", 0)));
  EXPECT_FALSE(zk.exists("/a/mine"));
}

TEST(ZkClient, NamesOperationAndPathInErrors) {
  TestClient zk(fresh_chroot());
  ASSERT_TRUE(zk.create("/a"));
  ASSERT_TRUE(zk.create("/e", "", CreateMode::ephemeral));
  auto missing = zk.get("/none");
  EXPECT_TRUE(missing.error().is(ZkCode::no_node));
  EXPECT_EQ(missing.error().message, "ZooKeeper: get /none: no such node (-101)");
  EXPECT_TRUE(zk.create("/a").error().is(ZkCode::node_exists));
  EXPECT_TRUE(zk.create("/e/child").error().is(ZkCode::no_children_for_ephemerals));
  EXPECT_TRUE(zk.create("/not//valid").error().is(ZkCode::bad_arguments));
  EXPECT_TRUE(zk.run(zk->set("/a", "", 7)).error().is(ZkCode::bad_version));
  ASSERT_TRUE(zk.create("/a/b"));
  EXPECT_TRUE(zk.run(zk->remove("/a", -1)).error().is(ZkCode::not_empty));
}

TEST(ZkClient, DoesAMultiAsAWholeOrNotAtAll) {
  TestClient zk(fresh_chroot());
  std::vector<ZkOp> good{ZkOp::create("/m", ""), ZkOp::set("/m", "x", 0), ZkOp::check("/m", 1),
                         ZkOp::create("/m/n_", "", CreateMode::persistent_sequential)};
  auto done = zk.run(zk->multi(good));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ((*done)[0].path, "/m");
  EXPECT_EQ((*done)[1].stat.version, 1);
  EXPECT_EQ((*done)[3].path, "/m/n_0000000000");
  std::vector<ZkOp> bad{ZkOp::create("/other", ""), ZkOp::check("/m", 5), ZkOp::remove("/m", -1)};
  auto refused = zk.run(zk->multi(bad));
  EXPECT_TRUE(refused.error().is(ZkCode::bad_version));
  EXPECT_EQ(refused.failed_op, 1u);
  EXPECT_FALSE(zk.exists("/other"));
}

TEST(ZkClient, TellsOfWatchedChangesOnce) {
  TestClient zk(fresh_chroot());
  ASSERT_TRUE(zk.create("/w"));
  ASSERT_TRUE(zk.get("/w", Watch::yes));
  ASSERT_TRUE(zk.run(zk->children("/w", Watch::yes)));
  ASSERT_TRUE(zk.run(zk->exists("/later", Watch::yes)));
  ASSERT_TRUE(zk.run(zk->set("/w", "1", -1)));
  ASSERT_TRUE(zk.run(zk->set("/w", "2", -1)));
  ASSERT_TRUE(zk.create("/w/child"));
  ASSERT_TRUE(zk.create("/later"));
  ASSERT_TRUE(eventually([&] { return zk.events().size() >= 3; }));
  auto events = zk.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].type, WatchEvent::Type::data_changed);
  EXPECT_EQ(events[0].path, "/w");
  EXPECT_EQ(events[1].type, WatchEvent::Type::children_changed);
  EXPECT_EQ(events[2].type, WatchEvent::Type::created);
  EXPECT_EQ(events[2].path, "/later");
}

TEST(ZkClient, PipelinesManyRequestsInOrder) {
  TestClient zk(fresh_chroot());
  std::vector<std::vector<ZkOp>> multis;
  std::vector<std::string> paths;
  for (int i = 0; i < 200; ++i) {
    paths.push_back("/n" + std::to_string(i));
    multis.push_back({ZkOp::create(paths.back(), std::to_string(i))});
  }
  for (const auto& one : zk.run(zk->multi_all(multis))) EXPECT_TRUE(one);
  auto nodes = zk.run(zk->get_all(paths, Watch::no));
  ASSERT_EQ(nodes.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(nodes[static_cast<size_t>(i)]->data, std::to_string(i));
  EXPECT_EQ(zk.run(zk->exists_all(paths, Watch::no)).size(), 200u);
}

TEST(ZkClient, SendsAllThatWaitsHoweverFewMayBeInFlight) {
  for (size_t max_in_flight : {1, 2, 3}) {
    TestClient zk(fresh_chroot(), 10s, max_in_flight);
    std::vector<std::string> paths(50, "/none");
    EXPECT_EQ(zk.run(zk->exists_all(paths, Watch::no)).size(), 50u) << max_in_flight;
  }
}

TEST(ZkClient, KeepsToItsChroot) {
  std::string chroot = fresh_chroot();
  TestClient inside(chroot + "/deep/er");
  TestClient outside("");
  ASSERT_TRUE(inside.create("/a", "x"));
  EXPECT_EQ(outside.get(chroot + "/deep/er/a")->data, "x");
  EXPECT_TRUE(inside.run(inside->children("/", Watch::no)));
}

TEST(ZkClient, TakesItsEphemeralNodesWithItWhenClosed) {
  std::string chroot = fresh_chroot();
  TestClient watcher(chroot);
  auto zk = std::make_unique<TestClient>(chroot);
  ASSERT_TRUE(zk->create("/e", "", CreateMode::ephemeral));
  zk->close();
  EXPECT_FALSE(watcher.exists("/e"));
  EXPECT_EQ(zk->states(), std::vector{SessionState::closed});
  EXPECT_TRUE((*zk)->state() == SessionState::closed);
  EXPECT_TRUE(zk->get("/e").error().is(ZkCode::closed));
}

TEST(ZkClient, StartsANewSessionAfterItsOwnExpired) {
  TestClient zk(fresh_chroot());
  ASSERT_TRUE(zk.create("/e", "", CreateMode::ephemeral));
  int64_t old_session = zk.session_id();
  expire_session(server().address(), old_session);
  ASSERT_TRUE(eventually([&] { return zk.session_id() != 0 && zk.session_id() != old_session; }));
  auto states = zk.states();
  auto expired = std::find(states.begin(), states.end(), SessionState::expired);
  ASSERT_NE(expired, states.end());
  EXPECT_EQ(states.back(), SessionState::connected);
  EXPECT_EQ(zk->previous_session_id(), old_session);
  EXPECT_FALSE(zk.exists("/e"));
}

TEST(ZkClient, RepeatsWhatALostConnectionLeftUndecided) {
  TestClient zk(fresh_chroot(), 10s);
  int64_t session = zk.session_id();
  ASSERT_TRUE(zk.create("/w", "before"));
  ASSERT_TRUE(zk.get("/w", Watch::yes));
  server().kill();
  std::thread restart([] {
    std::this_thread::sleep_for(100ms);
    server().start();
  });
  auto set = zk.run(zk->set("/w", "after", kAnyVersion));
  restart.join();
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(zk.session_id(), session);
  EXPECT_EQ(zk.get("/w")->data, "after");
  EXPECT_TRUE(eventually([&] { return zk.events().size() == 1; }));
}

TEST(ZkClient, NeverBlocksItsShardWhileTheServerHangs) {
  TestClient zk(fresh_chroot(), 10s);
  server().suspend();
  Result<ZkCreated> created = Error{};
  std::thread creator([&] { created = zk.create("/a"); });
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) zk.session_id();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 200ms);
  server().resume();
  creator.join();
  EXPECT_TRUE(created) << created.error().message;
}

TEST(ZkClient, GivesUpConnectingInTime) {
  TestShard shard;
  ThreadPool pool(1);
  ZkClientOptions options;
  options.connect = "127.0.0.1:1";
  options.connection_timeout = 300ms;
  auto began = std::chrono::steady_clock::now();
  auto client = shard.run(ZkClient::connect(*shard, pool, options));
  EXPECT_TRUE(client.error().is(ZkCode::connection_loss));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  options.connect = "";
  EXPECT_TRUE(shard.run(ZkClient::connect(*shard, pool, options)).error().is(std::errc::invalid_argument));
}

TEST(ZkClient, GivesUpConnectingWhenToldTo) {
  TestShard shard;
  ThreadPool pool(1);
  std::stop_source give_up;
  ZkClientOptions options;
  options.connect = "127.0.0.1:1";
  options.connection_timeout = 1min;
  options.give_up = give_up.get_token();
  shard->post([&] { shard->call_after(100ms, [&] { give_up.request_stop(); }); });
  auto began = std::chrono::steady_clock::now();
  auto client = shard.run(ZkClient::connect(*shard, pool, options));
  EXPECT_TRUE(client.error().is(ZkCode::connection_loss));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(ZkClient, ConnectsWithoutWaiting) {
  server();
  TestClient warm_up("");
  auto began = std::chrono::steady_clock::now();
  TestClient zk("");
  zk.exists("/");
  auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("connect_us", static_cast<int>(took / 1us));
  printf("connected and answered in %d us\n", static_cast<int>(took / 1us));
  EXPECT_LT(took, 500ms);
}

}  // namespace
}  // namespace gregor
