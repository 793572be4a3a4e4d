#include "broker/net/listener_gate.h"

#include "runtime/logging.h"

namespace gregor {
namespace {

// A listener accepts again, for the log, when it was not held for this long.
constexpr Duration kCalm = std::chrono::seconds(1);
// While it is held, another reason is told of this often at most: two limits may take turns.
constexpr Duration kTellInterval = std::chrono::seconds(10);

const char* text_of(ConnectionQuotas::HoldReason reason) {
  return reason == ConnectionQuotas::HoldReason::max_connections ? "max.connections is reached"
                                                                 : "max.connection.creation.rate is exceeded";
}

}  // namespace

ListenerGate::ListenerGate(std::string name, std::unique_ptr<Listener> listener, UniqueFunction<void()> on_time)
    : name_(std::move(name)), listener_(std::move(listener)), on_time_(std::move(on_time)) {}

ListenerGate::~ListenerGate() {
  Shard::current()->cancel(resumption_);
  Shard::current()->cancel(calm_);
}

void ListenerGate::set(const std::optional<Hold>& hold) {
  Shard::current()->cancel(std::exchange(resumption_, 0));
  if (hold) {
    begin_hold(*hold);
  } else if (held_) {
    end_hold();
  }
}

void ListenerGate::begin_hold(const Hold& hold) {
  Shard& shard = *Shard::current();
  listener_->pause();
  if (held_ != hold.reason) ++holds_[static_cast<size_t>(hold.reason)];
  held_ = hold.reason;
  shard.cancel(std::exchange(calm_, 0));
  if (hold.until != Instant::max()) resumption_ = shard.call_at(hold.until, [this] { on_time_(); });
  Instant now = shard.clock().now();
  if (told_ && (told_ == hold.reason || now - told_at_ < kTellInterval)) return;
  told_ = hold.reason;
  told_at_ = now;
  log::warn("a listener lets connections wait listener={} reason=\"{}\"", name_, text_of(hold.reason));
}

void ListenerGate::end_hold() {
  held_.reset();
  listener_->resume();
  calm_ = Shard::current()->call_after(kCalm, [this] {
    calm_ = 0;
    told_.reset();
    log::info("a listener accepts connections again listener={}", name_);
  });
}

}  // namespace gregor
