#include "broker/config/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "broker/types/error_code.h"

namespace gregor {
namespace {

constexpr std::string_view kBlanks = " \t\f";

std::string_view without_leading_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

/// Takes the next line off `rest`; it ends with \n, \r or \r\n.
std::string_view take_line(std::string_view& rest) {
  size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
  std::string_view line = rest.substr(0, end);
  bool ends_in_two = rest.substr(end).starts_with("\r\n");
  rest.remove_prefix(std::min(end + (ends_in_two ? 2 : 1), rest.size()));
  return line;
}

/// A line goes on in the next one when it ends in an odd number of backslashes.
bool is_continued(std::string_view line) {
  size_t last_other = line.find_last_not_of('\\');
  size_t backslashes = last_other == std::string_view::npos ? line.size() : line.size() - last_other - 1;
  return backslashes % 2 == 1;
}

/// The end of the key at the start of `line`: the first blank, `=` or `:` that no backslash precedes.
size_t end_of_key(std::string_view line) {
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\') {
      ++at;
    } else if (line[at] == '=' || line[at] == ':' || kBlanks.find(line[at]) != std::string_view::npos) {
      return at;
    }
  }
  return line.size();
}

std::string_view without_separator(std::string_view text) {
  text = without_leading_blanks(text);
  if (text.starts_with('=') || text.starts_with(':')) text.remove_prefix(1);
  return without_leading_blanks(text);
}

void append_utf8(std::string& out, uint32_t code) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12), tail(6), tail(0);
  }
}

/// The unit of UTF-16 written as \uXXXX at the start of `text`.
std::optional<uint32_t> unit_at(std::string_view text) {
  if (!text.starts_with("\\u") || text.size() < 6) return std::nullopt;
  uint32_t unit = 0;
  auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  if (error != std::errc{} || end != text.data() + 6) return std::nullopt;
  return unit;
}

/// Appends the character written as \uXXXX, or as two of them above U+FFFF, at the start of `text`, and returns how
/// many bytes that took; 0 when it can't be read. Half of a pair becomes U+FFFD.
size_t append_unicode(std::string& out, std::string_view text) {
  auto unit = unit_at(text);
  if (!unit) return 0;
  bool is_half = *unit >= 0xd800 && *unit < 0xe000;
  auto second = *unit < 0xdc00 && is_half ? unit_at(text.substr(6)) : std::nullopt;
  bool is_pair = second && *second >= 0xdc00 && *second < 0xe000;
  append_utf8(out, is_pair ? 0x10000 + ((*unit - 0xd800) << 10) + (*second - 0xdc00) : is_half ? 0xfffd : *unit);
  return is_pair ? 12 : 6;
}

char escaped(char letter) {
  switch (letter) {
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    default:
      return letter;
  }
}

/// `text` with its escapes replaced; none when a \u can't be read.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t taken = 1;
    if (text.starts_with("\\u")) {
      taken = append_unicode(out, text);
      if (taken == 0) return std::nullopt;
    } else if (text[0] == '\\' && text.size() > 1) {
      out += escaped(text[1]);
      taken = 2;
    } else if (text[0] != '\\') {
      out += text[0];
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace

Result<Properties> parse_properties(std::string_view text) {
  Properties properties;
  for (int line_number = 1, next_number = 1; !text.empty(); line_number = next_number) {
    std::string line(without_leading_blanks(take_line(text)));
    ++next_number;
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    while (is_continued(line)) {
      line.pop_back();
      if (text.empty()) break;
      line += without_leading_blanks(take_line(text));
      ++next_number;
    }
    size_t key_end = end_of_key(line);
    auto key = unescaped(std::string_view(line).substr(0, key_end));
    auto value = unescaped(without_separator(std::string_view(line).substr(key_end)));
    if (!key || !value) {
      return Error{make_error_code(ErrorCode::invalid_config),
                   fmt::format("line {}: \\u must be followed by four hexadecimal digits", line_number)};
    }
    properties[*key] = *value;
  }
  return properties;
}

}  // namespace gregor
