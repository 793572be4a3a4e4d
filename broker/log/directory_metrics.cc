#include "broker/log/directory_metrics.h"

#include <algorithm>

namespace gregor {
namespace {

constexpr Metric kOfflineCount{Metric::Type::gauge, "kafka_log_logmanager_offlinelogdirectorycount",
                               "Log directories that are offline"};
constexpr Metric kOffline{Metric::Type::gauge, "kafka_log_logmanager_logdirectoryoffline",
                          "1 when the log directory is offline"};
constexpr Metric kFull{Metric::Type::gauge, "gregor_log_directory_full",
                       "1 while the log directory takes no records for want of room"};

struct State {
  std::string path;
  bool is_offline = false;
  bool is_full = false;
};

}  // namespace

Task<MetricWriter> DirectoryMetrics::collect() {
  std::vector<State> states;
  for (const LogDirectory* directory : directories_) {
    const DirectoryHealth& health = directory->health();
    states.push_back({directory->path(), health.is_offline(), health.is_full()});
  }
  MetricWriter writer = [states = std::move(states)](MetricPage& page) {
    auto is_offline = [](const State& state) { return state.is_offline; };
    page.add(kOfflineCount, static_cast<double>(std::count_if(states.begin(), states.end(), is_offline)));
    for (const State& state : states) {
      page.add(kOffline, state.is_offline ? 1 : 0, {{"logDirectory", state.path}});
      page.add(kFull, state.is_full ? 1 : 0, {{"logDirectory", state.path}});
    }
  };
  co_return std::move(writer);
}

}  // namespace gregor
