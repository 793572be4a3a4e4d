#include "broker/controller/controller.h"

#include <algorithm>

#include "broker/config/options.h"
#include "broker/types/error_code.h"
#include "runtime/logging.h"
#include "zk-schema/paths.h"

namespace gregor {
namespace {

namespace paths = zk::paths;

constexpr Duration kRetryDelay = std::chrono::milliseconds(200);

std::vector<TopicPartition> partitions_of(const ControllerContext& context, const std::string& topic) {
  std::vector<TopicPartition> names;
  for (const auto& [index, partition] : context.topics.at(topic).partitions) names.push_back({topic, index});
  return names;
}

}  // namespace

Controller::Controller(ControllerEnvironment environment)
    : environment_(environment),
      store_(environment.zookeeper, environment.random),
      requests_(environment.self, environment.config.inter_broker_listener().listener_name) {}

void Controller::start() {
  put(Agenda::Kind::election);
  if (is_running_) {
    wake();
  } else {
    is_running_ = true;
    spawn(run());
  }
}

void Controller::on_watch(const WatchEvent& event) {
  using Kind = Agenda::Kind;
  bool is_changed = event.type == WatchEvent::Type::data_changed;
  if (event.path == paths::kController) put(Kind::election);
  if (event.path == paths::kBrokerIds) put(Kind::brokers);
  if (paths::parent(event.path) == paths::kBrokerIds && is_changed) put(Kind::brokers);
  if (event.path == paths::kTopics) put(Kind::topics);
  if (event.path == paths::kDeleteTopics) put(Kind::deletions);
  if (paths::parent(event.path) == paths::kTopics && is_changed) {
    put(Kind::assignment, std::string(paths::name(event.path)));
  }
  wake();
}

void Controller::on_session_lost() {
  leave_office();
  agenda_.clear();
}

Task<void> Controller::stop() {
  is_stopping_ = true;
  std::optional<ControllerTerm> term = term_;
  leave_office();
  wake();
  while (is_running_) co_await sleep_for(std::chrono::milliseconds(1));
  if (!term) co_return;
  Result<void> resigned = co_await resign(environment_.zookeeper, *term);
  if (!resigned) log::debug("could not resign reason=\"{}\"", resigned.error().message);
}

void Controller::put(Agenda::Kind kind, std::string topic) {
  agenda_.put(kind, environment_.clock.now(), std::move(topic));
}

void Controller::wake() {
  if (auto idle = std::exchange(idle_, nullptr)) Shard::current()->post([idle] { idle.resume(); });
}

Task<void> Controller::run() {
  struct Idle {
    Controller* controller;
    bool await_ready() const { return !controller->agenda_.is_empty() || controller->is_stopping_; }
    void await_suspend(std::coroutine_handle<> awaiting) const { controller->idle_ = awaiting; }
    void await_resume() const {}
  };
  while (!is_stopping_) {
    Idle idle{this};
    co_await idle;
    if (is_stopping_) break;
    Result<void> looked = co_await look_at_next();
    if (looked || is_stopping_) continue;
    co_await recover(looked.error());
    if (!is_stopping_) co_await sleep_for(kRetryDelay);
  }
  is_running_ = false;
}

Task<void> Controller::recover(Error error) {
  if (error.is(ZkCode::session_expired) || error.is(ZkCode::closed)) {
    on_session_lost();  // the new session brings its own election
    co_return;
  }
  log::warn("the controller's work was interrupted, beginning anew reason=\"{}\"", error.message);
  std::optional<ControllerTerm> term = term_;
  leave_office();
  agenda_.clear();
  put(Agenda::Kind::election);
  if (!term) co_return;
  // As long as /controller names us nobody else would be elected, nor we again.
  Result<void> resigned = co_await resign(environment_.zookeeper, *term);
  if (!resigned) log::debug("could not resign reason=\"{}\"", resigned.error().message);
}

Task<Result<void>> Controller::look_at_next() {
  std::optional<Agenda::Entry> next = agenda_.take();
  if (!next) co_return Result<void>();
  if (next->kind != Agenda::Kind::election && !term_) {
    agenda_.clear();
    co_return Result<void>();
  }
  Agenda::Kind kind = next->kind;
  Instant begin = environment_.clock.now();
  stats_.begun(*next, begin);
  Result<void> done = co_await look_at(std::move(*next));
  stats_.ended(kind, begin, environment_.clock.now());
  co_return done;
}

Task<Result<void>> Controller::look_at(Agenda::Entry entry) {
  switch (entry.kind) {
    case Agenda::Kind::election:
      return elect();
    case Agenda::Kind::brokers:
      return look_at_brokers();
    case Agenda::Kind::topics:
      return look_at_topics();
    case Agenda::Kind::assignment:
      return look_at_assignment(std::move(entry.topic));
    case Agenda::Kind::deletions:
      return look_at_deletions();
    case Agenda::Kind::deleted:
      break;
  }
  return finish_deletion(std::move(entry.topic));
}

Task<Result<void>> Controller::elect() {
  Result<BrokerId> current = co_await read_controller(environment_.zookeeper, Watch::yes);
  if (!current) co_return current.error();
  if (*current == environment_.self && term_) co_return Result<void>();
  leave_office();
  if (*current != kNoBroker && *current != environment_.self) co_return Result<void>();
  Result<ElectionOutcome> outcome =
      co_await elect_controller(environment_.zookeeper, environment_.self, environment_.clock.wall_ms());
  if (!outcome) co_return outcome.error();
  if (!outcome->term) {
    log::info("another broker is the controller controller={}", outcome->controller.value);
    co_return Result<void>();
  }
  // The watch set above was for a node that was not there, and its creation by us has used it up.
  current = co_await read_controller(environment_.zookeeper, Watch::yes);
  if (!current) co_return current.error();
  Result<void> taken = co_await take_office(*outcome->term);
  co_return taken;
}

Task<Result<void>> Controller::take_office(ControllerTerm term) {
  log::info("became controller epoch={}", term.epoch.value);
  term_ = term;
  context_ = {};
  context_.epoch = term.epoch;
  context_.epoch_znode_version = term.epoch_version;
  Result<void> features = co_await store_.ensure_features();
  if (!features) co_return features;
  auto names = co_await store_.topic_names();
  if (!names) co_return names.error();
  auto topics = co_await store_.topics(term, *names);
  if (!topics) co_return topics.error();
  context_.topics = std::move(*topics);
  auto deletions = co_await store_.deletions();
  if (!deletions) co_return deletions.error();
  if (!deletions->empty()) put(Agenda::Kind::deletions);
  Result<void> looked = co_await look_at_brokers();
  co_return looked;
}

void Controller::leave_office() {
  if (term_) log::info("is no longer controller epoch={}", term_->epoch.value);
  term_.reset();
  context_ = {};
  deleting_on_.clear();
  for (auto& [broker, channel] : channels_) channel->close();
  channels_.clear();
}

Task<Result<void>> Controller::look_at_brokers() {
  auto live = co_await store_.live_brokers();
  if (!live) co_return live.error();
  if (!term_) co_return Result<void>();
  std::set<BrokerId> arrived;
  take_brokers(std::move(*live), arrived);
  Result<void> settled = co_await settle(nullptr, arrived);
  if (!settled || !term_) co_return settled;
  if (!arrived.empty() && !context_.topics_to_delete.empty()) put(Agenda::Kind::deletions);
  co_return Result<void>();
}

void Controller::take_brokers(std::map<BrokerId, LiveBroker> live, std::set<BrokerId>& arrived) {
  const std::string& listener = environment_.config.inter_broker_listener().listener_name;
  auto timeout = std::chrono::milliseconds(environment_.config.get(options::controller_socket_timeout_ms));
  std::set<BrokerId> gone;
  for (const auto& [id, broker] : context_.live_brokers) {
    auto now = live.find(id);
    if (now == live.end() || now->second.epoch != broker.epoch) gone.insert(id);
  }
  for (BrokerId id : gone) {
    log::info("broker is gone broker={}", id.value);
    auto channel = channels_.extract(id);
    if (!channel.empty()) channel.mapped()->close();
  }
  for (const auto& [id, broker] : live) {
    bool is_known = context_.live_brokers.contains(id) && !gone.contains(id);
    if (is_known && context_.live_brokers.at(id).image == broker.image) continue;
    if (!is_known) arrived.insert(id);
    const BrokerEndpoint* endpoint = broker.image.endpoint(listener);
    if (endpoint == nullptr) {
      log::error("broker can't be reached, it has no listener of that name broker={} listener={}", id.value,
                 listener);
      continue;
    }
    log::info("broker is live broker={} address={}:{} epoch={}", id.value, endpoint->host, endpoint->port,
              broker.epoch.value);
    channels_[id] = std::make_shared<BrokerChannel>(environment_.network, id, endpoint->host,
                                                    static_cast<uint16_t>(endpoint->port), timeout);
  }
  context_.live_brokers = std::move(live);
}

void Controller::send(BrokerId broker, Buffer frame, BrokerChannel::AnswerHandler on_answer) {
  auto channel = channels_.find(broker);
  if (channel != channels_.end() && !frame.empty()) channel->second->send(std::move(frame), std::move(on_answer));
}

void Controller::inform_fully(const std::set<BrokerId>& brokers) {
  std::vector<TopicPartition> all = decided_partitions(context_);
  for (BrokerId id : brokers) {
    const LiveBroker& receiver = context_.live_brokers.at(id);
    send(id, requests_.leader_and_isr(context_, receiver, all, {}), [](const Buffer&) {});
    send(id, requests_.update_metadata(context_, receiver, all), [](const Buffer&) {});
  }
}

Task<Result<void>> Controller::settle(const std::vector<std::string>* topics, std::set<BrokerId> arrived) {
  std::vector<StateChange> changes = decide_leaders(context_, topics);
  auto written = co_await store_.write_states(*term_, std::move(changes));
  if (!written) co_return written.error();
  if (!term_) co_return Result<void>();
  std::vector<TopicPartition> changed;
  std::set<TopicPartition> made;
  for (auto& change : *written) {
    PartitionAssignment* partition = context_.partition(change.partition);
    if (partition == nullptr) continue;
    if (change.next.leader == kNoBroker) {
      log::warn("partition has no leader, none of its in-sync replicas is live partition={}",
                change.partition.to_string());
    }
    stats_.decided(partition->state, change.next);
    partition->state = std::move(change.next);
    if (change.is_new) made.insert(change.partition);
    changed.push_back(std::move(change.partition));
  }
  inform_fully(arrived);
  for (const auto& [id, receiver] : context_.live_brokers) {
    if (arrived.contains(id)) continue;
    send(id, requests_.leader_and_isr(context_, receiver, changed, made), [](const Buffer&) {});
    // Also without changes of partitions: the live brokers may have changed.
    send(id, requests_.update_metadata(context_, receiver, changed), [](const Buffer&) {});
  }
  co_return Result<void>();
}

Task<Result<void>> Controller::look_at_topics() {
  auto names = co_await store_.topic_names();
  if (!names) co_return names.error();
  if (!term_) co_return Result<void>();
  std::set<std::string> present(names->begin(), names->end());
  std::erase_if(context_.topics, [&](const auto& entry) { return !present.contains(entry.first); });
  std::vector<std::string> made;
  for (const auto& name : *names) {
    if (!context_.topics.contains(name)) made.push_back(name);
  }
  if (made.empty()) co_return Result<void>();
  auto topics = co_await store_.made_topics(*term_, made);
  if (!topics) co_return topics.error();
  if (!term_) co_return Result<void>();
  for (auto& [name, topic] : *topics) {
    log::info("topic was made topic={} id={} partitions={}", name, topic.id.to_string(), topic.partitions.size());
    context_.topics[name] = std::move(topic);
  }
  Result<void> settled = co_await settle(&made, {});
  co_return settled;
}

Task<Result<void>> Controller::look_at_assignment(std::string topic) {
  if (!context_.topics.contains(topic)) co_return Result<void>();  // new: look_at_topics will find it
  if (context_.topics_to_delete.contains(topic)) co_return Result<void>();
  std::vector<std::string> names;
  names.push_back(topic);
  auto read = co_await store_.topics(*term_, names);
  if (!read) co_return read.error();
  if (!term_ || !read->contains(topic) || !context_.topics.contains(topic)) co_return Result<void>();
  auto& known = context_.topics.at(topic);
  for (auto& [index, partition] : read->at(topic).partitions) known.partitions.try_emplace(index, partition);
  Result<void> settled = co_await settle(&names, {});
  co_return settled;
}

Task<Result<void>> Controller::look_at_deletions() {
  auto wishes = co_await store_.deletions();
  if (!wishes) co_return wishes.error();
  for (const auto& topic : *wishes) {
    if (!term_) co_return Result<void>();
    bool is_known = context_.topics.contains(topic);
    if (is_known && environment_.config.get(options::delete_topic_enable)) {
      delete_replicas(topic);
      continue;
    }
    if (is_known) log::warn("topic is not deleted, delete.topic.enable is false topic={}", topic);
    Result<void> dropped = co_await store_.drop_deletion(*term_, topic);
    if (!dropped) co_return dropped;
  }
  co_return Result<void>();
}

void Controller::delete_replicas(const std::string& topic) {
  context_.topics_to_delete.insert(topic);
  std::vector<TopicPartition> partitions = partitions_of(context_, topic);
  for (const auto& [id, receiver] : context_.live_brokers) {
    send(id, requests_.update_metadata(context_, receiver, partitions), [](const Buffer&) {});
  }
  if (!deleting_on_.contains(topic)) {
    auto& holders = deleting_on_[topic];
    for (const auto& [index, partition] : context_.topics.at(topic).partitions) {
      holders.insert(partition.replicas.begin(), partition.replicas.end());
    }
  }
  if (deleting_on_.at(topic).empty()) put(Agenda::Kind::deleted, topic);
  for (BrokerId holder : deleting_on_.at(topic)) {
    auto receiver = context_.live_brokers.find(holder);
    if (receiver == context_.live_brokers.end()) {
      log::info("topic's deletion waits for a broker that is down topic={} broker={}", topic, holder.value);
      continue;
    }
    send(holder, requests_.delete_replicas(context_, receiver->second, topic),
         [this, topic, holder](const Buffer& answer) {
           auto waiting = deleting_on_.find(topic);
           if (waiting == deleting_on_.end() || !all_replicas_deleted(answer)) return;
           waiting->second.erase(holder);
           if (waiting->second.empty()) put(Agenda::Kind::deleted, topic);
           wake();
         });
  }
}

Task<Result<void>> Controller::finish_deletion(std::string topic) {
  Result<void> deleted = co_await store_.delete_topic(*term_, topic);
  if (!deleted) co_return deleted;
  log::info("topic was deleted topic={}", topic);
  context_.topics.erase(topic);
  context_.topics_to_delete.erase(topic);
  deleting_on_.erase(topic);
  // One of the same name may have been made since.
  put(Agenda::Kind::topics);
  co_return Result<void>();
}

}  // namespace gregor
