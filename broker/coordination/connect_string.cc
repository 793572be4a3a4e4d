#include "broker/coordination/connect_string.h"

#include <fmt/format.h>

namespace gregor {
namespace {

constexpr int kDefaultPort = 2181;

Error invalid(std::string_view text) {
  return Error{std::make_error_code(std::errc::invalid_argument),
               fmt::format("zookeeper.connect must be host:port,...[/chroot], not \"{}\"", text)};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool has_port(std::string_view server) {
  size_t bracket = server.rfind(']');
  return server.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
}

}  // namespace

Result<ConnectString> ConnectString::parse(std::string_view text) {
  ConnectString parsed;
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    parsed.chroot = trim(text.substr(slash));
    if (parsed.chroot == "/") parsed.chroot.clear();
    if (parsed.chroot.ends_with('/') || parsed.chroot.find("//") != std::string::npos) return invalid(text);
  }
  std::string_view rest = text.substr(0, slash);
  while (true) {
    size_t comma = rest.find(',');
    std::string_view server = trim(rest.substr(0, comma));
    if (server.empty()) return invalid(text);
    if (!parsed.servers.empty()) parsed.servers += ',';
    parsed.servers += server;
    if (!has_port(server)) parsed.servers += fmt::format(":{}", kDefaultPort);
    if (comma == std::string_view::npos) return parsed;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace gregor
