#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "broker/coordination/session_file.h"
#include "broker/coordination/zk_request.h"
#include "broker/coordination/zookeeper.h"
#include "runtime/clock.h"
#include "runtime/result.h"

namespace gregor {

/// One handle of the Apache C client, from its start to the end of its session. Internal to the module.
///
/// The handle's two threads call the listener; nothing is called any more once `close` has returned.
class ZkSession {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Both called on a thread of the C client.
    virtual void session_changed(uint64_t generation, SessionState state, ZkSessionKey session) = 0;
    virtual void watch_fired(uint64_t generation, WatchEvent event) = 0;
  };

  /// `generation` tells the listener which session it is that speaks.
  ZkSession(Listener& listener, uint64_t generation) : listener_(listener), generation_(generation) {}
  ZkSession(const ZkSession&) = delete;
  ZkSession& operator=(const ZkSession&) = delete;
  ~ZkSession();

  /// Starts connecting to one of `servers`. Blocks for name lookups: call it in the background.
  Result<void> open(const std::string& servers, Duration session_timeout);
  /// Ends the session, if there is a connection to say so, and the handle. Blocks.
  void close();
  /// Ends a session whose process is gone. False when no server answered within `patience`, or before `give_up` was
  /// stopped; true also when the session had ended already. Blocks.
  static bool end_abandoned(const std::string& servers, const ZkSessionKey& session, Duration patience,
                            std::stop_token give_up);
  /// What the C client complained of last, of whatever session; empty when it never did. Any thread may ask.
  static std::string problem_of_client();
  zhandle_t* handle() { return handle_; }

 private:
  static void on_event(zhandle_t* handle, int type, int state, const char* path, void* context);

  Listener& listener_;
  const uint64_t generation_;
  zhandle_t* handle_ = nullptr;
};

}  // namespace gregor
