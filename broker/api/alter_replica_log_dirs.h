#pragma once

#include "broker/api/api.h"
#include "broker/protocol/alter_replica_log_dirs.h"
#include "broker/replica/log_moves.h"

namespace gregor {

/// AlterReplicaLogDirs: versions 0 to 2. Moves partitions of this broker between its log directories; answered once
/// the moves are on their way, DescribeLogDirs tells how far they are.
class AlterReplicaLogDirsApi final
    : public TypedApi<protocol::AlterReplicaLogDirsRequest, protocol::AlterReplicaLogDirsResponse> {
 public:
  /// `home` is shard 0.
  AlterReplicaLogDirsApi(LogMoves& moves, Shard& home) : moves_(moves), home_(home) {}

 protected:
  Task<protocol::AlterReplicaLogDirsResponse> answer(RequestContext context,
                                                     protocol::AlterReplicaLogDirsRequest request) override;

 private:
  LogMoves& moves_;
  Shard& home_;
};

}  // namespace gregor
