#include "broker/api/describe_log_dirs.h"

#include <algorithm>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

int64_t as_int64(uint64_t size) {
  return static_cast<int64_t>(std::min<uint64_t>(size, std::numeric_limits<int64_t>::max()));
}

}  // namespace

Task<protocol::DescribeLogDirsResponse> DescribeLogDirsApi::answer(RequestContext,
                                                                   protocol::DescribeLogDirsRequest request) {
  Wanted wanted;
  if (request.topics) {
    wanted.emplace();
    for (const auto& topic : *request.topics) {
      for (int32_t partition : topic.partitions) wanted->insert({std::string(topic.topic), partition});
    }
  }
  Response response = co_await run_on(home_, describe(std::move(wanted)));
  co_return response;
}

Task<DescribeLogDirsApi::Response> DescribeLogDirsApi::describe(Wanted wanted) {
  std::map<const LogDirectory*, std::vector<PartitionSize>> sizes;
  auto add = [&sizes, &wanted](Partition& partition) {
    if (wanted && !wanted->contains(partition.name())) return;
    for (PartitionSize& size : partition.sizes()) sizes[size.directory].push_back(std::move(size));
  };
  co_await partitions_.visit_all(add);
  Response response;
  for (LogDirectory* directory : directories_) {
    Response::LogDirResult row = co_await describe_one(*directory, std::move(sizes[directory]));
    response.results.push_back(std::move(row));
  }
  co_return response;
}

Task<DescribeLogDirsApi::Response::LogDirResult> DescribeLogDirsApi::describe_one(
    LogDirectory& directory, std::vector<PartitionSize> sizes) {
  Response::LogDirResult row;
  row.log_dir = directory.path();
  auto look = [&directory] { return directory.files().space(directory.path()); };
  Result<DiskSpace> space = co_await in_background(pool_, look);
  if (!space || directory.health().is_offline()) {
    row.error_code = static_cast<int16_t>(ErrorCode::kafka_storage_error);
    co_return row;
  }
  row.total_bytes = as_int64(space->total);
  row.usable_bytes = as_int64(space->available);
  std::sort(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const PartitionSize& size : sizes) {
    if (row.topics.empty() || row.topics.back().name != size.name.topic)
      row.topics.emplace_back().name = size.name.topic;
    auto& partition = row.topics.back().partitions.emplace_back();
    partition.partition_index = size.name.partition;
    partition.partition_size = as_int64(size.bytes);
    partition.offset_lag = size.offset_lag;
    partition.is_future_key = size.is_future;
  }
  co_return row;
}

}  // namespace gregor
