#pragma once

/// Everything that lives in ZooKeeper: one struct per kind of znode, `encode()` to its text and `decode()` from it.
/// A text that can't be read gives a bad_message error. The paths are in zk-schema/paths.h.
#include "zk-schema/acls.h"           // IWYU pragma: export
#include "zk-schema/admin.h"          // IWYU pragma: export
#include "zk-schema/brokers.h"        // IWYU pragma: export
#include "zk-schema/cluster.h"        // IWYU pragma: export
#include "zk-schema/config.h"         // IWYU pragma: export
#include "zk-schema/controller.h"     // IWYU pragma: export
#include "zk-schema/features.h"       // IWYU pragma: export
#include "zk-schema/notifications.h"  // IWYU pragma: export
#include "zk-schema/producer_ids.h"   // IWYU pragma: export
#include "zk-schema/tokens.h"         // IWYU pragma: export
#include "zk-schema/topics.h"         // IWYU pragma: export
