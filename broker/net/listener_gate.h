#pragma once

#include <array>
#include <memory>
#include <string>

#include "broker/net/connection_quotas.h"
#include "runtime/network.h"
#include "runtime/unique_function.h"

namespace gregor {

/// A listener that accepts connections while the quotas allow it, and leaves them in the backlog while they don't.
///
/// The log tells when that begins and when it is over. A listener that is held again and again, since every
/// connection that ends lets another in, is told of once. On one shard.
class ListenerGate {
 public:
  using Hold = ConnectionQuotas::Hold;
  using HoldReason = ConnectionQuotas::HoldReason;

  /// `on_time` is called when a hold that has an end is over.
  ListenerGate(std::string name, std::unique_ptr<Listener> listener, UniqueFunction<void()> on_time);
  ListenerGate(const ListenerGate&) = delete;
  ListenerGate& operator=(const ListenerGate&) = delete;
  ~ListenerGate();

  const std::string& name() const { return name_; }
  /// What the quotas say now.
  void set(const std::optional<Hold>& hold);

  bool is_held(HoldReason reason) const { return held_ == reason; }
  /// How often it was held.
  uint64_t holds(HoldReason reason) const { return holds_[static_cast<size_t>(reason)]; }

 private:
  void begin_hold(const Hold& hold);
  void end_hold();

  const std::string name_;
  std::unique_ptr<Listener> listener_;
  UniqueFunction<void()> on_time_;
  std::optional<HoldReason> held_;
  std::optional<HoldReason> told_;  ///< what the log told last: why it is held, or that it isn't
  Instant told_at_{};
  std::array<uint64_t, 2> holds_{};
  TimerId resumption_ = 0;
  TimerId calm_ = 0;  ///< pending while it was not held for a while
};

}  // namespace gregor
