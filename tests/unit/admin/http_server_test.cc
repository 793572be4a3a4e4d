#include "broker/admin/http_server.h"

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <gtest/gtest.h>

#include "tests/support/test_shard.h"

namespace gregor {
namespace {

namespace net = Poco::Net;

class FixedPage final : public HttpPage {
 public:
  Task<HttpRenderer> render() override {
    EXPECT_NE(Shard::current(), nullptr);
    HttpRenderer renderer = [] {
      EXPECT_EQ(Shard::current(), nullptr) << "rendering is not the shard's work";
      return HttpAnswer{200, "text/plain", "fixed\n"};
    };
    co_return std::move(renderer);
  }
};

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() : server_(*HttpServer::start("127.0.0.1", 0, *shard_, {{"/fixed", &page_}})) {}

  struct Reply {
    int status = 0;
    std::string body;
    std::string allow;
  };
  Reply ask(const std::string& method, const std::string& path) {
    net::HTTPClientSession session("127.0.0.1", server_->port());
    session.setTimeout(Poco::Timespan(20, 0));
    net::HTTPRequest request(method, path, net::HTTPMessage::HTTP_1_1);
    session.sendRequest(request);
    net::HTTPResponse response;
    std::istream& stream = session.receiveResponse(response);
    Reply reply;
    reply.status = response.getStatus();
    reply.allow = response.get("Allow", "");
    Poco::StreamCopier::copyToString(stream, reply.body);
    return reply;
  }

  testing::TestShard shard_;
  FixedPage page_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAPage) {
  Reply reply = ask("GET", "/fixed?with=parameters");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "fixed\n");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  Reply reply = ask("HEAD", "/fixed");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
}

TEST_F(HttpServerTest, KnowsNoOtherPathAndNoOtherMethod) {
  EXPECT_EQ(ask("GET", "/").status, 404);
  EXPECT_EQ(ask("GET", "/fixed/more").status, 404);
  EXPECT_EQ(ask("POST", "/fixed").status, 405);
  EXPECT_EQ(ask("DELETE", "/fixed").allow, "GET, HEAD");
}

TEST_F(HttpServerTest, RefusesAPortThatIsTaken) {
  auto second = HttpServer::start("127.0.0.1", server_->port(), *shard_, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(server_->port())), std::string::npos)
      << second.error().message;
}

TEST_F(HttpServerTest, ServesOthersBesideMoreSlowClientsThanItHasThreads) {
  std::vector<net::StreamSocket> slow;
  for (int i = 0; i < 100; ++i) {
    slow.emplace_back(net::SocketAddress("127.0.0.1", server_->port()));
    slow.back().sendBytes("GET /fi", 7);
  }
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ask("GET", "/fixed").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(HttpServerTest, EndsWhileClientsAreSlow) {
  net::StreamSocket slow(net::SocketAddress("127.0.0.1", server_->port()));
  slow.sendBytes("GET", 3);
  ask("GET", "/fixed");
  auto begin = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace gregor
