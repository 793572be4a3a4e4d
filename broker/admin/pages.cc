#include "broker/admin/pages.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <memory>
#include <sstream>

namespace gregor {
namespace {

HttpAnswer written(std::vector<MetricWriter>& writers) {
  MetricPage page;
  for (auto& write : writers) write(page);
  return {200, "text/plain; version=0.0.4; charset=utf-8", prometheus::TextSerializer().Serialize(page.take())};
}

HttpAnswer readiness(const std::vector<ReadinessCondition>& conditions) {
  bool is_ready = std::all_of(conditions.begin(), conditions.end(), [](const auto& c) { return c.is_fulfilled; });
  Poco::JSON::Array rows;
  for (const auto& condition : conditions) {
    Poco::JSON::Object row(Poco::JSON_PRESERVE_KEY_ORDER);
    row.set("name", condition.name);
    row.set("ok", condition.is_fulfilled);
    row.set("detail", condition.detail);
    rows.add(row);
  }
  Poco::JSON::Object all(Poco::JSON_PRESERVE_KEY_ORDER);
  all.set("ready", is_ready);
  all.set("conditions", rows);
  std::ostringstream text;
  all.stringify(text);
  return {is_ready ? 200 : 503, "application/json", text.str() + "\n"};
}

}  // namespace

Task<HttpRenderer> MetricsPage::render() {
  AsyncMutex::Guard turn = co_await in_turn_.lock();
  auto writers = std::make_shared<std::vector<MetricWriter>>();
  // By index: sources may be added while one is awaited.
  for (size_t i = 0; i < sources_.size(); ++i) {
    MetricWriter writer = co_await sources_[i]->collect();
    writers->push_back(std::move(writer));
  }
  HttpRenderer renderer = [writers] { return written(*writers); };
  co_return std::move(renderer);
}

Task<HttpRenderer> HealthPage::render() {
  auto nothing = [] {};
  for (Shard* shard : shards_) co_await on(*shard, nothing);
  HttpRenderer renderer = [] { return HttpAnswer{200, "text/plain; charset=utf-8", "ok\n"}; };
  co_return std::move(renderer);
}

Task<HttpRenderer> ReadinessPage::render() {
  std::vector<ReadinessCondition> conditions = conditions_();
  HttpRenderer renderer = [conditions = std::move(conditions)] { return readiness(conditions); };
  co_return std::move(renderer);
}

}  // namespace gregor
