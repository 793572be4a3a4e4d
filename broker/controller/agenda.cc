#include "broker/controller/agenda.h"

namespace gregor {

std::optional<Agenda::Entry> Agenda::take() {
  if (entries_.empty()) return std::nullopt;
  auto first = entries_.extract(entries_.begin());
  return Entry{first.key().first, std::move(first.key().second), first.mapped()};
}

}  // namespace gregor
