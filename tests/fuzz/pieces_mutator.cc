// How libFuzzer changes inputs that consist of pieces, each behind two bytes of its size: what it does to one piece
// leaves the others whole, and pieces come, go and change places.

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using Piece = std::vector<uint8_t>;
using Pieces = std::vector<Piece>;

constexpr size_t kSizeOfSize = 2;
constexpr size_t kMaxPiece = 0xffff;

Pieces taken_apart(const uint8_t* data, size_t size) {
  gregor::fuzz::FuzzInput input({data, size});
  Pieces pieces;
  while (!input.at_end()) {
    auto piece = input.piece();
    pieces.emplace_back(piece.begin(), piece.end());
  }
  return pieces;
}

/// As many of the pieces as fit.
size_t put_together(const Pieces& pieces, uint8_t* data, size_t max_size) {
  size_t size = 0;
  for (const Piece& piece : pieces) {
    if (size + kSizeOfSize + piece.size() > max_size) break;
    gregor::store_big_endian(data + size, static_cast<uint16_t>(piece.size()));
    if (!piece.empty()) std::memcpy(data + size + kSizeOfSize, piece.data(), piece.size());
    size += kSizeOfSize + piece.size();
  }
  return size;
}

void mutate(Piece& piece, size_t max_size) {
  size_t size = piece.size();
  size_t room = std::min(kMaxPiece, std::max(size + 64, size * 2));
  piece.resize(std::max(size, std::min(room, max_size)));
  piece.resize(LLVMFuzzerMutate(piece.data(), size, piece.size()));
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::minstd_rand random(seed);
  Pieces pieces = taken_apart(data, size);
  if (pieces.empty()) pieces.emplace_back();
  size_t at = random() % pieces.size();
  switch (random() % 16) {
    case 0:
      pieces.insert(pieces.begin() + static_cast<ptrdiff_t>(random() % (pieces.size() + 1)), Piece(pieces[at]));
      break;
    case 1:
      if (pieces.size() > 1) pieces.erase(pieces.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 2:
      std::swap(pieces[at], pieces[random() % pieces.size()]);
      break;
    case 3:
      pieces.insert(pieces.begin() + static_cast<ptrdiff_t>(at), Piece());
      mutate(pieces[at], max_size);
      break;
    default:
      mutate(pieces[at], max_size);
  }
  size_t made = put_together(pieces, data, max_size);
  return made > 0 ? made : LLVMFuzzerMutate(data, size, max_size);
}

/// The beginning of one input and some of the pieces of another.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                            size_t other_size, uint8_t* out, size_t max_out_size, unsigned seed) {
  std::minstd_rand random(seed);
  Pieces pieces = taken_apart(one, one_size);
  Pieces more = taken_apart(other, other_size);
  if (!pieces.empty()) pieces.resize(1 + random() % pieces.size());
  size_t from = more.empty() ? 0 : random() % more.size();
  pieces.insert(pieces.end(), more.begin() + static_cast<ptrdiff_t>(from), more.end());
  return put_together(pieces, out, max_out_size);
}
