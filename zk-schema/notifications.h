#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "zk-schema/admin.h"

namespace gregor::zk {

/// /isr_change_notification/isr_change_<n>: partitions whose in-sync set their leaders changed.
struct IsrChange {
  std::vector<PartitionName> partitions;

  friend bool operator==(const IsrChange&, const IsrChange&) = default;
  std::string encode() const;
  static Result<IsrChange> decode(std::string_view text);
};

/// /log_dir_event_notification/log_dir_event_<n>: a broker lost a log directory.
struct LogDirEvent {
  int32_t broker_id = -1;

  friend bool operator==(const LogDirEvent&, const LogDirEvent&) = default;
  std::string encode() const;
  static Result<LogDirEvent> decode(std::string_view text);
};

}  // namespace gregor::zk
