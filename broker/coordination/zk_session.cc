#include "broker/coordination/zk_session.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>

#include "broker/coordination/outage.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

// The C client looks the servers' names up before every wait for an event, if it is let.
constexpr int kResolutionDelayMs = 1000;

std::mutex problem_mutex;
std::string last_problem;

// While it has no connection the C client tells of every attempt, many a second. The last error is kept for whoever
// tells of the outage, which is decided where the outcome is known; its warnings only say that it tries again.
void note_from_client(const char* line) {
  std::string words = words_of_client(line);
  if (words.empty()) return;
  log::debug("ZooKeeper client: {}", words);
  if (std::string_view(line).find(":ZOO_ERROR@") == std::string_view::npos) return;
  std::lock_guard lock(problem_mutex);
  last_problem = std::move(words);
}

std::optional<SessionState> to_state(int state) {
  if (state == ZOO_CONNECTED_STATE) return SessionState::connected;
  if (state == ZOO_EXPIRED_SESSION_STATE) return SessionState::expired;
  if (state == ZOO_AUTH_FAILED_STATE) return SessionState::auth_failed;
  if (state == ZOO_CONNECTING_STATE || state == ZOO_ASSOCIATING_STATE || state == ZOO_NOTCONNECTED_STATE) {
    return SessionState::connecting;
  }
  return std::nullopt;
}

std::optional<WatchEvent::Type> to_event(int type) {
  if (type == ZOO_CREATED_EVENT) return WatchEvent::Type::created;
  if (type == ZOO_DELETED_EVENT) return WatchEvent::Type::deleted;
  if (type == ZOO_CHANGED_EVENT) return WatchEvent::Type::data_changed;
  if (type == ZOO_CHILD_EVENT) return WatchEvent::Type::children_changed;
  return std::nullopt;
}

ZkSessionKey key_of(zhandle_t* handle) {
  const clientid_t* known = zoo_client_id(handle);
  ZkSessionKey key;
  key.id = known->client_id;
  std::copy(std::begin(known->passwd), std::end(known->passwd), key.password.begin());
  return key;
}

void note_state(zhandle_t*, int type, int state, const char*, void* context) {
  if (type == ZOO_SESSION_EVENT) static_cast<std::atomic<int>*>(context)->store(state);
}

}  // namespace

bool ZkSession::end_abandoned(const std::string& servers, const ZkSessionKey& session, Duration patience,
                              std::stop_token give_up) {
  constexpr auto kPoll = std::chrono::milliseconds(1);
  clientid_t id = {};
  id.client_id = session.id;
  std::copy(session.password.begin(), session.password.end(), id.passwd);
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  std::atomic<int> state{0};
  auto patience_ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  zhandle_t* handle = zookeeper_init2(servers.c_str(), note_state, static_cast<int>(patience_ms), &id, &state,
                                      ZOO_NO_LOG_CLIENTENV, note_from_client);
  if (handle == nullptr) return false;
  auto is_over = [&state] { return state == ZOO_CONNECTED_STATE || state == ZOO_EXPIRED_SESSION_STATE; };
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_over() && !give_up.stop_requested() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPoll);
  }
  bool ended = is_over();
  zookeeper_close(handle);
  return ended;
}

ZkSession::~ZkSession() { ASSERT(handle_ == nullptr); }

Result<void> ZkSession::open(const std::string& servers, Duration session_timeout) {
  ASSERT(handle_ == nullptr);
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(session_timeout).count();
  handle_ = zookeeper_init2(servers.c_str(), on_event, static_cast<int>(timeout_ms), nullptr, this,
                            ZOO_NO_LOG_CLIENTENV, note_from_client);
  if (handle_ != nullptr) {
    zoo_set_servers_resolution_delay(handle_, kResolutionDelayMs);
    return {};
  }
  // Of a name that can't be resolved the client says no more than that with its ENOENT.
  int reason = errno;
  Error failed = system_error(reason, "start a ZooKeeper client for " + servers);
  if (reason == ENOENT) failed.message = "the names of the servers can't be resolved: " + servers;
  return failed;
}

std::string ZkSession::problem_of_client() {
  std::lock_guard lock(problem_mutex);
  return last_problem;
}

void ZkSession::close() {
  if (handle_ == nullptr) return;
  zookeeper_close(handle_);
  handle_ = nullptr;
}

void ZkSession::on_event(zhandle_t* handle, int type, int state, const char* path, void* context) {
  auto& session = *static_cast<ZkSession*>(context);
  if (type == ZOO_SESSION_EVENT) {
    auto changed = to_state(state);
    if (changed) session.listener_.session_changed(session.generation_, *changed, key_of(handle));
    return;
  }
  auto event = to_event(type);
  if (event) session.listener_.watch_fired(session.generation_, WatchEvent{*event, path});
}

}  // namespace gregor
