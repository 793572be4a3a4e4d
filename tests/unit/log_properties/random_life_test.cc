// Lives of logs by seeds, against a model in memory: always the same ones, so many random ones as GREGOR_ROUNDS
// says, or the one of GREGOR_SEED.
#include <cstdlib>

#include "random_life.h"
#include "runtime/logging.h"

namespace gregor {
namespace {

constexpr uint64_t kDefaultSeed = 1000;
constexpr uint64_t kDefaultRounds = 100;

uint64_t number_in(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(RandomLife, ALogKeepsItsWordWhateverHappens) {
  log::set_level(log::Level::fatal);
  bool is_random = std::getenv("GREGOR_ROUNDS") != nullptr;
  uint64_t first_seed = number_in("GREGOR_SEED", is_random ? uint64_t(std::random_device()()) << 20 : kDefaultSeed);
  uint64_t rounds = number_in("GREGOR_ROUNDS", std::getenv("GREGOR_SEED") == nullptr ? kDefaultRounds : 1);
  printf("seeds %lu to %lu (GREGOR_SEED=<seed> runs one again)\n", first_seed, first_seed + rounds - 1);
  for (uint64_t seed = first_seed; seed < first_seed + rounds; ++seed) {
    RandomLife life(seed);
    life.run();
    if (HasFailure()) FAIL() << "GREGOR_SEED=" << seed << ", which ended with\n" << life.story();
  }
}

}  // namespace
}  // namespace gregor
