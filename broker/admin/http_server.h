#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/result.h"
#include "runtime/shard.h"

namespace gregor {

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
};

/// Makes an answer of what was collected; run on an HTTP thread, so it may take its time.
using HttpRenderer = UniqueFunction<HttpAnswer()>;

/// What stands at one path.
class HttpPage {
 public:
  virtual ~HttpPage() = default;
  /// Collects what the answer says. Called on the server's home shard, by many requests at once.
  virtual Task<HttpRenderer> render() = 0;
};

/// The pages of a server by their paths, "/metrics" for instance.
using HttpPages = std::map<std::string, HttpPage*, std::less<>>;

/// Answers GET and HEAD over HTTP (Poco's server) on threads of its own, so that a slow client holds up nothing but
/// a thread; where others wait for one, those who take longer than a second have to go. Other methods are answered
/// 405, other paths 404. A page that does not answer in ten seconds is answered 503.
class HttpServer {
 public:
  /// Listens at `host` (empty: all addresses) and `port` (0: any). The pages live on `home` and outlive the server.
  /// Error: the address can't be bound, saying why.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, uint16_t port, Shard& home,
                                                   HttpPages pages);
  /// Ends all connections and waits for the threads. Blocks, and needs the home shard to be running.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace gregor
