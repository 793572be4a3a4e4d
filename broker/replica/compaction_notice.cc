#include "broker/replica/compaction_notice.h"

#include "runtime/logging.h"

namespace gregor {

void CompactionNotice::note(const std::map<std::string, PartitionSettings>& settings) {
  std::vector<std::string_view> compacted;
  for (const auto& [topic, own] : settings) {
    bool asks_itself = own.overrides && own.overrides->contains("cleanup.policy");
    if (!asks_itself || !own.log.is_compacted) {
      told_.erase(topic);
    } else if (told_.insert(topic).second) {
      compacted.push_back(topic);
    }
  }
  if (compacted.empty()) return;
  log::warn("topics with cleanup.policy=compact keep every record, compaction is not there yet topics={}",
            fmt::join(compacted, ","));
}

}  // namespace gregor
