#include "broker/coordination/zk_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/coordination/session_file.h"
#include "broker/coordination/zk_request.h"
#include "broker/coordination/zk_session.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpenBackoff = 200ms;
constexpr auto kAuthBackoff = 1s;
constexpr auto kLong = 1h;
constexpr auto kPredecessorPatience = 2s;
constexpr auto kGiveUpPoll = 50ms;

ZkCode code_of(int rc) {
  // The handle learned that its session expired before we did.
  if (rc == ZINVALIDSTATE) return ZkCode::session_expired;
  return static_cast<ZkCode>(rc);
}

/// A failure that is not due to the operations of the request.
bool is_of_session(ZkCode code) {
  return code == ZkCode::session_expired || code == ZkCode::closed || code == ZkCode::auth_failed;
}

}  // namespace

/// Carries what the C client's threads report to the client's shard.
class ZkClient::Callbacks final : public ZkSession::Listener, public zk_request::Owner {
 public:
  explicit Callbacks(ZkClient& client) : client_(client) {}

  void session_changed(uint64_t generation, SessionState state, ZkSessionKey session) override {
    client_.shard_.post(
        [&client = client_, generation, state, session] { client.on_session_changed(generation, state, session); });
  }
  void watch_fired(uint64_t generation, WatchEvent event) override {
    client_.shard_.post([&client = client_, generation, event = std::move(event)]() mutable {
      client.on_watch_fired(generation, std::move(event));
    });
  }
  void answered(Request& request) override {
    client_.shard_.post([&client = client_, &request] { client.on_answer(request); });
  }

 private:
  ZkClient& client_;
};

/// Awaited, has the answer to a request in the request.
struct ZkClient::Submission {
  ZkClient& client;
  Request& request;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const {
    request.awaiting = awaiting;
    client.submit(request);
  }
  void await_resume() const {}
};

ZkClient::ZkClient(Shard& shard, BackgroundPool& pool, ZkClientOptions options, ConnectString servers)
    : shard_(shard),
      pool_(pool),
      options_(std::move(options)),
      servers_(std::move(servers)),
      callbacks_(std::make_unique<Callbacks>(*this)) {}

ZkClient::~ZkClient() { ASSERT(session_ == nullptr && in_flight_.empty() && queue_.empty()); }

// --- starting and ending -----------------------------------------------------------------------------------------

Task<Result<std::unique_ptr<ZkClient>>> ZkClient::connect(Shard& shard, BackgroundPool& pool,
                                                          ZkClientOptions options) {
  auto servers = ConnectString::parse(options.connect);
  if (!servers) co_return servers.error();
  std::unique_ptr<ZkClient> client(new ZkClient(shard, pool, std::move(options), std::move(*servers)));
  Result<void> started = co_await client->start();
  if (!started) {
    co_await client->close();
    co_return started.error();
  }
  co_return std::move(client);
}

Task<Result<void>> ZkClient::start() {
  Instant deadline = shard_.clock().now() + options_.connection_timeout;
  begin_outage();
  if (!options_.session_file.empty()) co_await end_predecessor();
  Result<void> opened = co_await open_session(deadline);
  if (!opened) co_return opened.error();
  while (state_ != SessionState::connected) {
    auto change = changed_.wait(std::min<Instant>(deadline, shard_.clock().now() + kGiveUpPoll));
    co_await change;
    bool is_over = shard_.clock().now() >= deadline || options_.give_up.stop_requested();
    if (is_over && state_ != SessionState::connected) {
      Error error = zk_error(ZkCode::connection_loss, "connect to", servers_.servers);
      if (std::string problem = ZkSession::problem_of_client(); !problem.empty()) error.message += "; " + problem;
      co_return error;
    }
  }
  Result<void> created = co_await create_chroot();
  co_return created;
}

/// So that its ephemeral nodes go now, and not only when its session has timed out.
Task<void> ZkClient::end_predecessor() {
  auto end = [this]() -> std::optional<ZkSessionKey> {
    SessionFile file(options_.session_file);
    auto session = file.read();
    if (!session) return std::nullopt;
    Duration patience = std::min<Duration>(options_.connection_timeout, kPredecessorPatience);
    bool ended = ZkSession::end_abandoned(servers_.servers, *session, patience, options_.give_up);
    return ended ? session : std::nullopt;
  };
  std::optional<ZkSessionKey> ended = co_await in_background(pool_, end);
  if (ended) log::info("ended the session of our killed predecessor session=0x{:x}", ended->id);
}

Task<void> ZkClient::remember(BackgroundPool& pool, std::string path, ZkSessionKey session) {
  auto write = [&path, &session] { return SessionFile(path).write(session); };
  Result<void> written = co_await in_background(pool, write);
  if (!written) log::debug("could not remember the session reason=\"{}\"", written.error().message);
}

Task<Result<void>> ZkClient::create_chroot() {
  if (servers_.chroot.empty()) co_return Result<void>();
  Result<std::optional<ZkStat>> there = co_await exists("", Watch::no);
  if (!there) co_return there.error();
  if (*there) co_return Result<void>();
  for (size_t end = 0; end != std::string::npos;) {
    end = servers_.chroot.find('/', end + 1);
    zk_request::Create request(servers_.chroot.substr(0, end), {}, CreateMode::persistent);
    Submission submission{*this, request};
    co_await submission;
    ZkCode code = code_of(request.rc);
    if (code != ZkCode::ok && code != ZkCode::node_exists)
      co_return zk_error(code, "create chroot", servers_.chroot);
  }
  co_return Result<void>();
}

Task<Result<void>> ZkClient::open_session(Instant deadline) {
  while (true) {
    auto session = std::make_unique<ZkSession>(*callbacks_, ++generation_);
    auto open = [this, opening = session.get()] {
      return opening->open(servers_.servers, options_.session_timeout);
    };
    Result<void> opened = co_await in_background(pool_, open);
    if (opened) {
      session_ = std::move(session);
      send_queued();  // it may have connected already
      co_return opened;
    }
    if (closing_ || options_.give_up.stop_requested() || shard_.clock().now() + kOpenBackoff >= deadline)
      co_return opened;
    log::debug("can't start a ZooKeeper session, trying again reason=\"{}\"", opened.error().message);
    co_await sleep_for(kOpenBackoff);
  }
}

Task<void> ZkClient::close_session(int pending_code) {
  if (!session_) co_return;
  std::unique_ptr<ZkSession> session = std::move(session_);
  ++generation_;
  auto close = [closing = session.get()] { closing->close(); };
  co_await in_background(pool_, close);
  // Every answer that the handle gave was posted before we got here. The rest it dropped.
  for (Request* request : std::exchange(in_flight_, {})) finish(*request, pending_code);
}

Task<void> ZkClient::replace_session() {
  co_await close_session(ZSESSIONEXPIRED);
  if (!closing_ && state_ == SessionState::auth_failed) co_await sleep_for(kAuthBackoff);
  if (!closing_) {
    Result<void> opened = co_await open_session(Instant::max());
    ASSERT(opened.ok() || closing_ || options_.give_up.stop_requested());
  }
  replacing_ = false;
  changed_.wake_all();
}

Task<void> ZkClient::close() {
  if (closing_) {
    while (state_ != SessionState::closed) {
      auto change = changed_.wait(shard_.clock().now() + kLong);
      co_await change;
    }
    co_return;
  }
  closing_ = true;
  end_outage();
  fail_queued(ZCLOSING);
  while (replacing_) {
    auto change = changed_.wait(shard_.clock().now() + kLong);
    co_await change;
  }
  bool was_connected = state_ == SessionState::connected;
  co_await close_session(ZCLOSING);
  fail_queued(ZCLOSING);
  if (!was_connected && session_id_ != 0) {
    log::warn(
        "stopping without a connection to ZooKeeper, the registration there stays until the session has timed out "
        "or the next start has ended it session=0x{:x} timeout_ms={}",
        session_id_, std::chrono::duration_cast<std::chrono::milliseconds>(options_.session_timeout).count());
  }
  if (was_connected && !options_.session_file.empty()) {
    auto forget = [this] { SessionFile(options_.session_file).remove(); };
    co_await in_background(pool_, forget);
  }
  state_ = SessionState::closed;
  deliver(state_);
  changed_.wake_all();
}

// --- what the session does ---------------------------------------------------------------------------------------

void ZkClient::on_session_changed(uint64_t generation, SessionState state, const ZkSessionKey& session) {
  if (generation != generation_ || closing_ || state == state_) return;
  state_ = state;
  metrics_.count(state);
  if (state == SessionState::connected) {
    auto outage =
        std::chrono::duration_cast<std::chrono::milliseconds>(shard_.clock().now() - connectionless_since_);
    end_outage();
    log::info("ZooKeeper session connected session=0x{:x} servers={} after_ms={}", session.id, servers_.servers,
              outage.count());
    if (session_id_ != session.id && !options_.session_file.empty()) {
      spawn(remember(pool_, options_.session_file, session));
    }
    session_id_ = session.id;
    deliver(state);
    send_queued();
  } else if (state == SessionState::connecting) {
    if (session_id_ != 0) {
      log::warn("ZooKeeper connection lost, reconnecting session=0x{:x} servers={}", session_id_, servers_.servers);
    }
    begin_outage();
    deliver(state);
  } else {
    log::warn("ZooKeeper session lost session=0x{:x} reason={}", session_id_,
              state == SessionState::expired ? "expired" : "authentication failed");
    previous_session_id_ = std::exchange(session_id_, 0);
    begin_outage();
    replacing_ = true;
    // The owner stops leading before anything else learns that its request failed.
    auto pending = std::exchange(queue_, {});
    deliver(state);
    for (Request* request : pending) {
      finish(*request, state == SessionState::expired ? ZSESSIONEXPIRED : ZAUTHFAILED);
    }
    spawn(replace_session());
  }
  changed_.wake_all();
}

void ZkClient::begin_outage() {
  if (outage_timer_ != 0 || closing_) return;
  connectionless_since_ = shard_.clock().now();
  tell_again_of_outage();
}

void ZkClient::tell_again_of_outage() {
  outage_timer_ = shard_.call_after(outage_pace_.next(), [this] {
    auto outage = std::chrono::duration_cast<std::chrono::seconds>(shard_.clock().now() - connectionless_since_);
    log::warn("no connection to ZooKeeper, still trying for_s={} servers={} reason=\"{}\"", outage.count(),
              servers_.servers, ZkSession::problem_of_client());
    tell_again_of_outage();
  });
}

void ZkClient::end_outage() {
  if (outage_timer_ != 0) shard_.cancel(outage_timer_);
  outage_timer_ = 0;
  outage_pace_.reset();
}

void ZkClient::on_watch_fired(uint64_t generation, WatchEvent event) {
  if (generation != generation_ || closing_) return;
  event.path = relative_path(std::move(event.path));
  deliver(std::move(event));
}

// --- requests ----------------------------------------------------------------------------------------------------

void ZkClient::submit(Request& request) {
  request.owner = callbacks_.get();
  request.number = ++last_number_;
  if (closing_) {
    shard_.post([&request] { finish(request, ZCLOSING); });
    return;
  }
  queue_.push_back(&request);
  send_queued();
}

void ZkClient::send_queued() {
  if (!session_ || state_ != SessionState::connected) return;
  while (!queue_.empty() && in_flight_.size() < options_.max_in_flight) {
    Request& request = *queue_.front();
    queue_.pop_front();
    in_flight_.insert(&request);
    request.sent = shard_.clock().now();
    int refused = request.send(session_->handle());
    if (refused != ZOK) request.answer(refused);
  }
}

void ZkClient::on_answer(Request& request) {
  in_flight_.erase(&request);
  // The last one is how the C client ends what was under way when this process was stopped for a while.
  bool undecided = request.rc == ZCONNECTIONLOSS || request.rc == ZCLOSING || request.rc == ZOPERATIONTIMEOUT;
  if (undecided && !closing_ && !replacing_) {
    auto later = [](const Request* queued, uint64_t number) { return queued->number < number; };
    queue_.insert(std::lower_bound(queue_.begin(), queue_.end(), request.number, later), &request);
    send_queued();
    return;
  }
  // Many wait for each other's end: half of them at a time, since one that goes alone has all the threads woken for
  // itself, those of the client and those of the server.
  if (in_flight_.size() <= options_.max_in_flight / 2) send_queued();
  Instant now = shard_.clock().now();
  if (!undecided) metrics_.record_latency(now - request.sent, now);
  if (undecided) request.rc = closing_ ? ZCLOSING : ZSESSIONEXPIRED;
  finish(request, request.rc);
}

void ZkClient::finish(Request& request, int code) {
  request.rc = code;
  request.awaiting.resume();
}

void ZkClient::fail_queued(int code) {
  for (Request* request : std::exchange(queue_, {})) finish(*request, code);
}

std::string ZkClient::full_path(const std::string& path) const {
  if (servers_.chroot.empty()) return path;
  return path == "/" ? servers_.chroot : servers_.chroot + path;
}

std::string ZkClient::relative_path(std::string path) const {
  path.erase(0, servers_.chroot.size());
  return path.empty() ? "/" : path;
}

Task<Result<ZkCreated>> ZkClient::create(std::string path, std::string data, CreateMode mode) {
  zk_request::Create request(full_path(path), std::move(data), mode);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "create", path);
  request.created.path = relative_path(std::move(request.created.path));
  co_return std::move(request.created);
}

Task<Result<ZkNode>> ZkClient::get(std::string path, Watch watch) {
  zk_request::Get request(full_path(path), watch);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "get", path);
  co_return std::move(request.node);
}

Task<Result<std::optional<ZkStat>>> ZkClient::exists(std::string path, Watch watch) {
  zk_request::Exists request(full_path(path), watch);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc == ZNONODE) co_return std::optional<ZkStat>();
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "exists", path);
  co_return std::optional<ZkStat>(request.stat);
}

Task<Result<ZkChildren>> ZkClient::children(std::string path, Watch watch) {
  zk_request::Children request(full_path(path), watch);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "children", path);
  co_return std::move(request.children);
}

Task<Result<ZkStat>> ZkClient::set(std::string path, std::string data, int32_t version) {
  zk_request::Set request(full_path(path), std::move(data), version);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "set", path);
  co_return request.stat;
}

Task<Result<void>> ZkClient::remove(std::string path, int32_t version) {
  zk_request::Remove request(full_path(path), version);
  Submission submission{*this, request};
  co_await submission;
  if (request.rc != ZOK) co_return zk_error(code_of(request.rc), "remove", path);
  co_return Result<void>();
}

Task<ZkMultiResult> ZkClient::multi(std::vector<ZkOp> ops) {
  std::vector<std::string> paths;
  for (ZkOp& op : ops) {
    paths.push_back(op.path);
    op.path = full_path(op.path);
  }
  zk_request::Multi request(std::move(ops));
  Submission submission{*this, request};
  co_await submission;
  std::vector<ZkOpResult> results = request.results();
  ZkCode code = code_of(request.rc);
  if (code == ZkCode::ok) {
    for (ZkOpResult& result : results) {
      if (!result.path.empty()) result.path = relative_path(std::move(result.path));
    }
    co_return ZkMultiResult(std::move(results));
  }
  auto is_cause = [code](const ZkOpResult& result) { return result.code == code; };
  auto cause = std::find_if(results.begin(), results.end(), is_cause);
  if (cause == results.end() || is_of_session(code)) {
    std::string first = paths.empty() ? "" : paths.front();
    co_return ZkMultiResult(zk_error(code, "multi", first), std::nullopt);
  }
  auto failed = static_cast<size_t>(cause - results.begin());
  co_return ZkMultiResult(zk_error(code, "multi", paths[failed]), failed);
}

}  // namespace gregor
