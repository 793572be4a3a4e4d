#include "broker/coordination/session_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace gregor {
namespace {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string hex_of(const std::array<char, 16>& password) {
  std::string text;
  for (char byte : password) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

/// What the file says: who may speak for what, and in which file on which machine that counts.
std::string content_for(const ZkSessionKey& session, const struct stat& file) {
  return fmt::format("version=1\nsession={:x}\npassword={}\nboot={}\nfile={}:{}\n",
                     static_cast<uint64_t>(session.id), hex_of(session.password), boot_id(), file.st_dev,
                     file.st_ino);
}

/// An open file, closed when it goes out of scope.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

std::optional<ZkSessionKey> SessionFile::read() const {
  std::ifstream file(path_);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  struct stat status = {};
  unsigned long long id = 0;
  char digits[33] = {};
  if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
  if (std::sscanf(text.c_str(), "version=1\nsession=%llx\npassword=%32[0-9a-f]\n", &id, digits) != 2) {
    return std::nullopt;
  }
  ZkSessionKey session;
  session.id = static_cast<int64_t>(id);
  for (size_t i = 0; i < session.password.size(); ++i) {
    unsigned byte = 0;
    if (std::sscanf(digits + 2 * i, "%2x", &byte) != 1) return std::nullopt;
    session.password[i] = static_cast<char>(byte);
  }
  if (boot_id().empty() || text != content_for(session, status)) return std::nullopt;
  return session;
}

Result<void> SessionFile::write(const ZkSessionKey& session) const {
  std::string temporary = path_ + ".tmp";
  ::unlink(temporary.c_str());
  Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  struct stat status = {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) return system_error(errno, "create " + temporary);
  std::string text = content_for(session, status);
  ssize_t written = ::write(file.number, text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()))
    return system_error(written < 0 ? errno : ENOSPC, "write " + temporary);
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return system_error(errno, "rename " + temporary);
  return {};
}

void SessionFile::remove() const { ::unlink(path_.c_str()); }

}  // namespace gregor
