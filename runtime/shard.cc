#include "runtime/shard.h"

namespace gregor {
namespace {

thread_local Shard* current_shard = nullptr;

}  // namespace

// Not inline: a coroutine that hops threads must not keep the address of the old thread's variable.
Shard* Shard::current() { return current_shard; }
void Shard::set_current(Shard* shard) { current_shard = shard; }

}  // namespace gregor
