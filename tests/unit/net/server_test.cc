#include "broker/net/server.h"

#include <fstream>

#include "server_fixture.h"
#include "tests/support/temporary_directory.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

TEST_F(ServerTest, AnswersFramesInTheirOrderOneAtATime) {
  start();
  TestClient client = connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += framed("echo " + std::to_string(i));
  ASSERT_TRUE(client.send_raw(requests));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.receive(), "echo " + std::to_string(i));
  EXPECT_EQ(handler_.most_at_once, 1);
}

TEST_F(ServerTest, TakesFramesInWhateverPiecesTheyCome) {
  start();
  TestClient client = connect();
  for (char byte : framed("echo, byte by byte")) ASSERT_TRUE(client.send_raw(std::string(1, byte)));
  EXPECT_EQ(client.receive(), "echo, byte by byte");
  std::string large(5 << 20, 'x');
  ASSERT_TRUE(client.send(large));
  EXPECT_EQ(client.receive(), large);
}

TEST_F(ServerTest, FrameWithoutBytesIsHandled) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send(""));
  EXPECT_EQ(client.receive(), "");
}

TEST_F(ServerTest, ReplyOfNothingKeepsTheConnection) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send("nothing") && client.send("echo"));
  EXPECT_EQ(client.receive(), "echo");
}

TEST_F(ServerTest, ReplyOfCloseEndsItWithOneLineInTheLog) {
  start();
  TestClient client = connect();
  ::testing::internal::CaptureStdout();
  ASSERT_TRUE(client.send("close"));
  EXPECT_TRUE(client.is_closed());
  stop();
  std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_NE(log.find("as was asked for"), std::string::npos) << log;
}

TEST_F(ServerTest, ImpossibleSizesEndTheConnectionWithOneLineInTheLog) {
  ServerConfig config;
  config.limits.connection.max_frame_bytes = 1000;
  start(config);
  for (const std::string& prefix : {std::string("\xff\xff\xff\xff"), std::string("\x80\0\0\0", 4),
                                    std::string("\x7f\xff\xff\xff"), std::string("\0\0\x03\xe9", 4)}) {
    TestClient client = connect();
    ::testing::internal::CaptureStdout();
    ASSERT_TRUE(client.send_raw(prefix));
    EXPECT_TRUE(client.is_closed());
    std::string log = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  }
  TestClient client = connect();
  ASSERT_TRUE(client.send(std::string(1000, 'x')));
  EXPECT_EQ(client.receive(), std::string(1000, 'x'));
}

TEST_F(ServerTest, PeerThatGoesLeavesNoLineInTheLogAndNoMemory) {
  start();
  ::testing::internal::CaptureStdout();
  {
    TestClient between = connect();
    ASSERT_TRUE(between.send("echo"));
    between.receive();
    TestClient within = connect();
    ASSERT_TRUE(within.send_raw(framed("echo").substr(0, 6)));
    TestClient waiting = connect();
    ASSERT_TRUE(waiting.send("wait"));
    ASSERT_TRUE(eventually([&] { return handler_.running == 1; }));
    waiting.reset();
  }
  EXPECT_TRUE(eventually([&] { return handler_.running == 0 && budget_->used_bytes() == 0; }));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST_F(ServerTest, PeerThatDoesNotReadItsRepliesIsNotReadFrom) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(client.send("big"));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 1 && handler_.running == 0; }));
  // The next requests stay in the kernel's buffers, which fill up.
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += framed(std::string(1000, 'x'));
  size_t taken = 0;
  for (size_t more = 1; more > 0 && taken < (64u << 20);) taken += more = client.send_some(requests);
  EXPECT_LT(taken, 64u << 20);
  EXPECT_EQ(handler_.handled, 1);
  EXPECT_EQ(client.receive()->size(), 8u << 20);
  EXPECT_EQ(client.receive(), std::string(1000, 'x'));
}

TEST_F(ServerTest, ASmallRequestIsTakenWheneverItComesBehindALargeOne) {
  start();
  TestClient client = connect();
  std::string large(8 << 20, 'x');
  ASSERT_TRUE(client.send(large));
  EXPECT_EQ(client.receive(), large);
  std::this_thread::sleep_for(20ms);  // the next request is waited for
  ASSERT_TRUE(client.send("echo"));
  EXPECT_EQ(client.receive(), "echo");
  handler_.handled = 0;
  ASSERT_TRUE(client.send(large));
  // The answer waits for us to read it.
  ASSERT_TRUE(eventually([&] { return handler_.handled == 1 && handler_.running == 0; }));
  ASSERT_TRUE(client.send("echo"));
  EXPECT_EQ(client.receive(), large);
  EXPECT_EQ(client.receive(), "echo");
}

TEST_F(ServerTest, RequestsWaitForMemoryAndGoOn) {
  start({}, 1000);
  TestClient holder = connect();
  ASSERT_TRUE(holder.send_raw(framed(std::string(2000, 'h')).substr(0, 1000)));
  ASSERT_TRUE(eventually([&] { return budget_->used_bytes() == 2000; }));
  TestClient waiting = connect();
  ASSERT_TRUE(waiting.send("echo"));
  TestClient given_up = connect();
  ASSERT_TRUE(given_up.send("echo"));
  given_up.reset();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(handler_.handled, 0);
  ASSERT_TRUE(holder.send_raw(framed(std::string(2000, 'h')).substr(1000)));
  EXPECT_EQ(holder.receive()->size(), 2000u);
  EXPECT_EQ(waiting.receive(), "echo");
}

TEST_F(ServerTest, LargeRequestsThatTogetherExceedTheMemoryAllGetThrough) {
  start({}, 9 << 20);
  std::string large(8 << 20, 'x');
  std::vector<TestClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect());
  std::vector<std::thread> senders;
  for (TestClient& client : clients) {
    senders.emplace_back([&client, &large] {
      EXPECT_TRUE(client.send(large));
      auto answer = client.receive();
      EXPECT_TRUE(answer.has_value() && answer->size() == large.size());
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_TRUE(eventually([&] { return budget_->used_bytes() == 0; }));
}

TEST_F(ServerTest, AnswersThatNobodyReadsHoldNoRequestMemory) {
  start({}, 3);
  TestClient deaf = connect();
  TestClient other = connect();
  ASSERT_TRUE(deaf.send("big"));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 1 && handler_.running == 0; }));
  EXPECT_EQ(budget_->used_bytes(), 0u);
  ASSERT_TRUE(other.send("echo"));
  EXPECT_EQ(other.receive(), "echo");
}

TEST_F(ServerTest, RequestsThatWaitWithoutTheirFrameHoldNoMemory) {
  start({}, 3);
  std::vector<TestClient> waiting;
  for (int i = 0; i < 30; ++i) {
    waiting.push_back(connect());
    ASSERT_TRUE(waiting.back().send("free"));
  }
  TestClient other = connect();
  ASSERT_TRUE(other.send("echo"));
  EXPECT_EQ(other.receive(), "echo");
  EXPECT_TRUE(eventually([&] { return handler_.running == 30 && budget_->used_bytes() == 0; }));
}

TEST_F(ServerTest, StopEndsEveryConnection) {
  start();
  TestClient idle = connect();
  TestClient waiting = connect();
  TestClient slow = connect();
  TestClient within = connect();
  ASSERT_TRUE(waiting.send("wait") && slow.send("big") && within.send_raw(framed("echo").substr(0, 5)));
  ASSERT_TRUE(eventually([&] { return handler_.handled == 2 && handler_.running == 1; }));
  stop();
  EXPECT_EQ(handler_.running, 0);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(waiting.is_closed());
  EXPECT_TRUE(within.is_closed());
  EXPECT_FALSE(TestClient(port_).is_connected());
}

TEST_F(ServerTest, PartsOfFilesArriveByteForByteAmongBytesOfMemory) {
  testing::TemporaryDirectory home;
  std::string content(3 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(home.path() + "/data", std::ios::binary) << content;
  PosixFileSystem files;
  auto opened = files.open(home.path() + "/data", OpenMode::read);
  ASSERT_TRUE(opened.ok());
  auto file = *opened;
  std::atomic<size_t> size = 0;
  handler_.spliced = [&] {
    OutgoingFrame frame;
    frame.bytes = buffer_of("....headmiddletail");
    store_big_endian(frame.bytes.data(), static_cast<int32_t>(14 + 100 + size + 7));
    frame.splices.push_back({8, FileSlice{file, 5, 100}});
    frame.splices.push_back({14, FileSlice{file, 1000, size}});
    frame.splices.push_back({14, FileSlice{file, 1, 0}});
    frame.splices.push_back({18, FileSlice{file, 0, 7}});
    return frame;
  };
  start();
  TestClient client = connect();
  // The shorter ones are sent out of memory.
  for (size_t each : {size_t{1}, size_t{20 << 10}, size_t{2 << 20}}) {
    size = each;
    ASSERT_TRUE(client.send("file"));
    EXPECT_EQ(client.receive(), "head" + content.substr(5, 100) + "middle" + content.substr(1000, size) + "tail" +
                                    content.substr(0, 7));
  }
}

TEST_F(ServerTest, FileThatIsShorterThanPromisedEndsTheConnectionWithALine) {
  testing::TemporaryDirectory home;
  std::ofstream(home.path() + "/data") << "short";
  PosixFileSystem files;
  auto file = *files.open(home.path() + "/data", OpenMode::read);
  std::atomic<size_t> size = 0;
  handler_.spliced = [&] {
    OutgoingFrame frame;
    frame.bytes = buffer_of(framed(""));
    frame.splices.push_back({4, FileSlice{file, 0, size}});
    return frame;
  };
  start();
  for (size_t promised : {size_t{100}, size_t{1 << 20}}) {
    size = promised;
    TestClient client = connect();
    ::testing::internal::CaptureStdout();
    ASSERT_TRUE(client.send("file"));
    EXPECT_FALSE(client.receive_raw(100).has_value());
    std::string log = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
    EXPECT_NE(log.find("shorter than was promised: " + home.path() + "/data"), std::string::npos) << log;
  }
}

TEST_F(ServerTest, ServesAThousandConnectionsDealtOutToAllShards) {
  ServerConfig config;
  config.listen.backlog = 1000;
  start(config);
  std::vector<TestClient> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(connect());
  for (auto& client : clients) ASSERT_TRUE(client.send("echo"));
  for (auto& client : clients) ASSERT_EQ(client.receive(), "echo");
  for (auto& client : clients) ASSERT_TRUE(client.send("wait"));
  ASSERT_TRUE(eventually([&] { return handler_.running == 1000; }));
  for (auto& client : clients) client.reset();
  EXPECT_TRUE(eventually([&] { return handler_.running == 0; }));
}

}  // namespace
}  // namespace gregor
