#include "broker/log/directory_metrics.h"

#include <algorithm>

namespace gregor {
namespace {

constexpr Metric kOfflineCount{Metric::Type::gauge, "kafka_log_logmanager_offlinelogdirectorycount",
                               "Log directories that are offline"};
constexpr Metric kOffline{Metric::Type::gauge, "kafka_log_logmanager_logdirectoryoffline",
                          "1 when the log directory is offline"};

}  // namespace

Task<MetricWriter> DirectoryMetrics::collect() {
  std::vector<std::pair<std::string, bool>> states;
  for (const LogDirectory* directory : directories_)
    states.emplace_back(directory->path(), directory->health().is_offline());
  MetricWriter writer = [states = std::move(states)](MetricPage& page) {
    auto is_offline = [](const auto& state) { return state.second; };
    page.add(kOfflineCount, static_cast<double>(std::count_if(states.begin(), states.end(), is_offline)));
    for (const auto& [path, offline] : states) page.add(kOffline, offline ? 1 : 0, {{"logDirectory", path}});
  };
  co_return std::move(writer);
}

}  // namespace gregor
