#include "broker/api/api.h"

namespace gregor {

OutgoingFrame outgoing(protocol::MessageWriter frame, std::vector<FileSlice> slices) {
  OutgoingFrame out;
  // A splice may take several slices: a read that goes on in the next segment.
  size_t next = 0;
  for (const auto& splice : frame.splices()) {
    uint64_t missing = splice.size;
    while (missing > 0) {
      ASSERT(next < slices.size() && slices[next].size <= missing);
      missing -= slices[next].size;
      out.splices.push_back({splice.position, std::move(slices[next++])});
    }
  }
  ASSERT(next == slices.size());
  out.bytes = frame.bytes().take();
  return out;
}

}  // namespace gregor
