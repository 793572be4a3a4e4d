#pragma once

#include <set>

#include "broker/api/api.h"
#include "broker/protocol/describe_log_dirs.h"
#include "broker/replica/partitions.h"
#include "runtime/background_pool.h"

namespace gregor {

/// DescribeLogDirs: versions 0 to 4. What lies in each of log.dirs, how large it is, and how much room there is.
class DescribeLogDirsApi final
    : public TypedApi<protocol::DescribeLogDirsRequest, protocol::DescribeLogDirsResponse> {
 public:
  /// `home` is shard 0.
  DescribeLogDirsApi(Partitions& partitions, BackgroundPool& pool, std::vector<LogDirectory*> directories,
                     Shard& home)
      : partitions_(partitions), pool_(pool), directories_(std::move(directories)), home_(home) {}

 protected:
  Task<protocol::DescribeLogDirsResponse> answer(RequestContext context,
                                                 protocol::DescribeLogDirsRequest request) override;

 private:
  using Request = protocol::DescribeLogDirsRequest;
  using Response = protocol::DescribeLogDirsResponse;
  /// Empty stands for all.
  using Wanted = std::optional<std::set<TopicPartition>>;

  Task<Response> describe(Wanted wanted);
  Task<Response::LogDirResult> describe_one(LogDirectory& directory, std::vector<PartitionSize> sizes);

  Partitions& partitions_;
  BackgroundPool& pool_;
  const std::vector<LogDirectory*> directories_;
  Shard& home_;
};

}  // namespace gregor
