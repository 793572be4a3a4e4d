#include "broker/coordination/zookeeper.h"

namespace gregor {

ZkOp ZkOp::create(std::string path, std::string data, CreateMode mode) {
  return {Kind::create, std::move(path), std::move(data), kAnyVersion, mode};
}
ZkOp ZkOp::set(std::string path, std::string data, int32_t version) {
  return {Kind::set, std::move(path), std::move(data), version, CreateMode::persistent};
}
ZkOp ZkOp::remove(std::string path, int32_t version) {
  return {Kind::remove, std::move(path), {}, version, CreateMode::persistent};
}
ZkOp ZkOp::check(std::string path, int32_t version) {
  return {Kind::check, std::move(path), {}, version, CreateMode::persistent};
}

Task<std::vector<Result<ZkNode>>> ZooKeeper::get_all(std::vector<std::string> paths, Watch watch) {
  std::vector<Task<Result<ZkNode>>> requests;
  for (std::string& path : paths) requests.push_back(get(std::move(path), watch));
  auto answers = co_await when_all(std::move(requests));
  co_return answers;
}

Task<std::vector<Result<std::optional<ZkStat>>>> ZooKeeper::exists_all(std::vector<std::string> paths,
                                                                       Watch watch) {
  std::vector<Task<Result<std::optional<ZkStat>>>> requests;
  for (std::string& path : paths) requests.push_back(exists(std::move(path), watch));
  auto answers = co_await when_all(std::move(requests));
  co_return answers;
}

Task<std::vector<Result<ZkChildren>>> ZooKeeper::children_all(std::vector<std::string> paths, Watch watch) {
  std::vector<Task<Result<ZkChildren>>> requests;
  for (std::string& path : paths) requests.push_back(children(std::move(path), watch));
  auto answers = co_await when_all(std::move(requests));
  co_return answers;
}

Task<std::vector<ZkMultiResult>> ZooKeeper::multi_all(std::vector<std::vector<ZkOp>> multis) {
  std::vector<Task<ZkMultiResult>> requests;
  for (auto& ops : multis) requests.push_back(multi(std::move(ops)));
  auto answers = co_await when_all(std::move(requests));
  co_return answers;
}

Task<bool> ZooKeeper::next_event(std::string path, Instant deadline) {
  uint64_t sessions_lost = sessions_lost_;
  auto event = waiting_[path].wait(deadline);
  bool woken = co_await event;
  auto found = waiting_.find(path);
  if (found != waiting_.end() && found->second.empty()) waiting_.erase(found);
  co_return woken&& sessions_lost == sessions_lost_;
}

void ZooKeeper::deliver(WatchEvent event) {
  auto woken = waiting_.find(event.path);
  if (woken != waiting_.end()) woken->second.wake_all();
  if (watch_handler_) watch_handler_(std::move(event));
}

void ZooKeeper::deliver(SessionState state) {
  if (state == SessionState::expired || state == SessionState::closed) {
    ++sessions_lost_;
    std::vector<std::string> paths;
    for (const auto& entry : waiting_) paths.push_back(entry.first);
    for (const std::string& path : paths) {
      auto found = waiting_.find(path);
      if (found != waiting_.end()) found->second.wake_all();
    }
  }
  if (session_handler_) session_handler_(state);
}

}  // namespace gregor
