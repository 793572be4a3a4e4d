#include "broker/coordination/outage.h"

#include <cctype>

namespace gregor {

std::string words_of_client(std::string_view line) {
  size_t level = line.find(":ZOO_");
  size_t message = level == std::string_view::npos ? level : line.find(": ", level);
  if (message != std::string_view::npos) line.remove_prefix(message + 2);
  // What follows is the errno of something else: getaddrinfo has codes of its own.
  if (line.starts_with("getaddrinfo:")) return "a server's name can't be resolved";
  std::string words;
  for (char c : line) {
    bool is_blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!is_blank) words += c;
    if (is_blank && !words.empty() && words.back() != ' ') words += ' ';
  }
  if (words.ends_with(' ')) words.pop_back();
  return words;
}

}  // namespace gregor
