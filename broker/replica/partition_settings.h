#pragma once

#include <memory>

#include "broker/config/properties.h"
#include "broker/log/log_config.h"
#include "broker/record/validation.h"

namespace gregor {

/// What a topic's configuration means to one partition of it.
struct PartitionSettings {
  LogConfig log;
  LogRetention retention;
  bool is_deleted_by_age = true;  ///< cleanup.policy contains delete
  /// Records and milliseconds after which the log is synced, whatever comes first.
  int64_t flush_messages = INT64_MAX;
  int64_t flush_ms = INT64_MAX;
  /// What produced batches must keep; time and request version are filled in for each.
  ProduceRules produce_rules;
  int32_t min_insync_replicas = 1;
  /// Transactional records are taken only where the transaction is known:
  /// transaction.partition.verification.enable.
  bool verifies_transactions = true;
  /// Consumers that know only magic 0 and 1 are served too.
  bool converts_down = true;
  /// How long the files of a deleted log stay.
  int64_t file_delete_delay_ms = 60'000;
  /// What the topic sets itself, shared by its partitions; the rest is the broker's and may change with it. Null
  /// where it sets nothing.
  std::shared_ptr<const Properties> overrides;

  Properties own_overrides() const { return overrides ? *overrides : Properties(); }
};

}  // namespace gregor
