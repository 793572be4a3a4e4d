#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/controller/agenda.h"
#include "broker/controller/broker_channel.h"
#include "broker/controller/control_requests.h"
#include "broker/controller/controller_stats.h"
#include "broker/controller/controller_store.h"
#include "broker/coordination/election.h"

namespace gregor {

/// What the controller stands on. Wired in main; outlives it.
struct ControllerEnvironment {
  BrokerId self;
  ZooKeeper& zookeeper;
  Network& network;
  Random& random;
  const Clock& clock;
  const BrokerConfig& config;
};

/// The broker's part in governing the cluster: it takes part in the election, and while it is elected it watches
/// brokers and topics, decides who leads (leader_decisions), writes that to ZooKeeper (ControllerStore) and tells
/// the brokers (ControlRequests over BrokerChannels), itself among them and by the same way.
///
/// One loop on shard 0 looks at one thing after another; events only put things on its agenda, so that a burst of
/// them is looked at once. Every look reads what is, so an event may come late, twice, or stand for many.
class Controller {
 public:
  explicit Controller(ControllerEnvironment environment);

  /// Takes part in elections from now on: the broker is registered.
  void start();
  /// A watch fired.
  void on_watch(const WatchEvent& event);
  /// The session is gone, and with it the office.
  void on_session_lost();
  bool is_active() const { return term_.has_value(); }
  /// What it knows while it is active.
  const ControllerContext& context() const { return context_; }
  /// How many things it has yet to look at.
  size_t agenda_size() const { return agenda_.size(); }
  /// Its ways to the live brokers, while it is active.
  const std::map<BrokerId, std::shared_ptr<BrokerChannel>>& channels() const { return channels_; }
  ControllerStats& stats() { return stats_; }
  /// Gives the office up, if it is held, and ends the loop.
  Task<void> stop();

 private:
  void put(Agenda::Kind kind, std::string topic = {});
  void wake();
  Task<void> run();
  Task<Result<void>> look_at_next();
  Task<Result<void>> look_at(Agenda::Entry entry);
  Task<Result<void>> elect();
  Task<Result<void>> take_office(ControllerTerm term);
  Task<Result<void>> look_at_brokers();
  Task<Result<void>> look_at_topics();
  Task<Result<void>> look_at_assignment(std::string topic);
  Task<Result<void>> look_at_deletions();
  Task<Result<void>> finish_deletion(std::string topic);

  /// Decides and writes what has to change in `topics`, all when null, and tells the brokers: those that just
  /// arrived everything, the others what changed.
  Task<Result<void>> settle(const std::vector<std::string>* topics, std::set<BrokerId> arrived);
  void take_brokers(std::map<BrokerId, LiveBroker> live, std::set<BrokerId>& arrived);
  void inform_fully(const std::set<BrokerId>& brokers);
  void delete_replicas(const std::string& topic);
  void send(BrokerId broker, Buffer frame, BrokerChannel::AnswerHandler on_answer);
  void leave_office();
  /// What was begun failed: gives the office up and stands for election again.
  Task<void> recover(Error error);

  const ControllerEnvironment environment_;
  ControllerStore store_;
  ControlRequests requests_;
  std::optional<ControllerTerm> term_;
  ControllerContext context_;
  std::map<BrokerId, std::shared_ptr<BrokerChannel>> channels_;
  /// Of a topic being deleted: the brokers that still have replicas of it.
  std::map<std::string, std::set<BrokerId>> deleting_on_;
  Agenda agenda_;
  ControllerStats stats_;
  bool is_running_ = false;
  bool is_stopping_ = false;
  std::coroutine_handle<> idle_;
};

}  // namespace gregor
