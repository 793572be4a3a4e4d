#include "broker/admin/http_server.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerConnection.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/ThreadPool.h>

#include <cerrno>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "broker/admin/open_connections.h"

namespace gregor {
namespace {

namespace net = Poco::Net;

constexpr int kMaxThreads = 64;
constexpr int kMaxQueued = 1024;
// What a client may take while others wait for a thread.
constexpr std::chrono::seconds kPatienceWithSlowClients(1);
constexpr std::chrono::milliseconds kCheckInterval(250);
constexpr std::chrono::seconds kPagePatience(10);
const Poco::Timespan kSocketTimeout(10, 0);

HttpAnswer plain(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text) + "\n"};
}

Task<void> fulfil(HttpPage& page, std::shared_ptr<std::promise<HttpRenderer>> promise) {
  HttpRenderer renderer = co_await page.render();
  promise->set_value(std::move(renderer));
}

/// What `page` says; waited for on an HTTP thread.
HttpAnswer ask(HttpPage& page, Shard& home) {
  // Shared, since the page may be done long after nobody waits any more.
  auto promise = std::make_shared<std::promise<HttpRenderer>>();
  auto rendered = promise->get_future();
  home.post([&page, promise] { spawn(fulfil(page, promise)); });
  if (rendered.wait_for(kPagePatience) != std::future_status::ready) {
    return plain(503, "the broker has not answered for ten seconds");
  }
  return rendered.get()();
}

class Handler final : public net::HTTPRequestHandler {
 public:
  Handler(const HttpPages& pages, Shard& home) : pages_(pages), home_(home) {}

  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
    HttpAnswer answer = answer_to(request, response);
    response.setStatusAndReason(static_cast<net::HTTPResponse::HTTPStatus>(answer.status));
    response.setContentType(answer.content_type);
    response.setContentLength64(static_cast<Poco::Int64>(answer.body.size()));
    if (request.getMethod() == net::HTTPRequest::HTTP_HEAD) {
      response.send();
    } else {
      response.sendBuffer(answer.body.data(), answer.body.size());
    }
  }

 private:
  HttpAnswer answer_to(const net::HTTPServerRequest& request, net::HTTPServerResponse& response) {
    std::string_view path = request.getURI();
    auto page = pages_.find(path.substr(0, path.find('?')));
    if (page == pages_.end()) return plain(404, "there is nothing at this path");
    const std::string& method = request.getMethod();
    if (method != net::HTTPRequest::HTTP_GET && method != net::HTTPRequest::HTTP_HEAD) {
      response.set("Allow", "GET, HEAD");
      return plain(405, "this page is only read");
    }
    return ask(*page->second, home_);
  }

  const HttpPages& pages_;
  Shard& home_;
};

class HandlerFactory final : public net::HTTPRequestHandlerFactory {
 public:
  HandlerFactory(const HttpPages& pages, Shard& home) : pages_(pages), home_(home) {}
  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override {
    return new Handler(pages_, home_);  // Poco takes ownership
  }

 private:
  const HttpPages& pages_;
  Shard& home_;
};

/// A connection that can be found while a thread is busy with it.
class HttpConnection final : public net::HTTPServerConnection {
 public:
  HttpConnection(const net::StreamSocket& socket, net::HTTPServerParams::Ptr params,
                 net::HTTPRequestHandlerFactory::Ptr handlers, OpenConnections& open)
      : HTTPServerConnection(socket, std::move(params), std::move(handlers)), open_(open) {}

  void run() override {
    auto place = open_.add(socket().impl()->sockfd());
    HTTPServerConnection::run();
    open_.remove(place);
  }

 private:
  OpenConnections& open_;
};

class ConnectionFactory final : public net::TCPServerConnectionFactory {
 public:
  ConnectionFactory(net::HTTPServerParams::Ptr params, net::HTTPRequestHandlerFactory::Ptr handlers,
                    OpenConnections& open)
      : params_(std::move(params)), handlers_(std::move(handlers)), open_(open) {}
  net::TCPServerConnection* createConnection(const net::StreamSocket& socket) override {
    return new HttpConnection(socket, params_, handlers_, open_);  // Poco takes ownership
  }

 private:
  net::HTTPServerParams::Ptr params_;
  net::HTTPRequestHandlerFactory::Ptr handlers_;
  OpenConnections& open_;
};

net::HTTPServerParams::Ptr parameters() {
  net::HTTPServerParams::Ptr params(new net::HTTPServerParams);
  params->setMaxThreads(kMaxThreads);
  params->setMaxQueued(kMaxQueued);
  params->setTimeout(kSocketTimeout);
  params->setKeepAlive(false);
  return params;
}

/// Throws Poco's exceptions.
net::ServerSocket bound_socket(const std::string& host, uint16_t port) {
  net::ServerSocket socket;
  socket.bind(net::SocketAddress(host.empty() ? "0.0.0.0" : host, port), true, false);
  socket.listen(kMaxQueued);
  return socket;
}

}  // namespace

struct HttpServer::Parts {
  Parts(net::ServerSocket bound, Shard& home, HttpPages all_pages)
      : pages(std::move(all_pages)), socket(std::move(bound)) {
    auto params = parameters();
    net::HTTPRequestHandlerFactory::Ptr handlers(new HandlerFactory(pages, home));
    server =
        std::make_unique<net::TCPServer>(new ConnectionFactory(params, handlers, open), threads, socket, params);
  }
  /// Takes the threads from slow clients where others wait for one, until it is told to stop.
  void make_room(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    while (!never.wait_for(lock, stop, kCheckInterval, [&stop] { return stop.stop_requested(); })) {
      if (server->queuedConnections() > 0) open.shut_down_older_than(kPatienceWithSlowClients);
    }
  }

  const HttpPages pages;
  OpenConnections open;
  net::ServerSocket socket;
  Poco::ThreadPool threads{"http", 1, kMaxThreads};
  std::unique_ptr<net::TCPServer> server;
  std::jthread room_maker;
};

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  parts_->server->start();
  parts_->room_maker = std::jthread([made = parts_.get()](const std::stop_token& stop) { made->make_room(stop); });
}

HttpServer::~HttpServer() {
  parts_->room_maker = {};
  parts_->server->stop();
  parts_->open.shut_down_older_than({});
  parts_->threads.joinAll();
}

uint16_t HttpServer::port() const { return parts_->socket.address().port(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, uint16_t port, Shard& home,
                                                      HttpPages pages) {
  try {
    auto parts = std::make_unique<Parts>(bound_socket(host, port), home, std::move(pages));
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
  } catch (const Poco::Exception& exception) {
    int number = exception.code() != 0 ? exception.code() : EADDRNOTAVAIL;
    return system_error(number, "listen for HTTP on " + (host.empty() ? "*" : host) + ":" + std::to_string(port));
  }
}

}  // namespace gregor
