#include "tests/support/zookeeper_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "runtime/assert.h"
#include "runtime/random.h"

extern char** environ;

namespace gregor::testing {
namespace {

constexpr auto kStartTimeout = std::chrono::seconds(60);

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_free(uint16_t port) {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(port);
  bool free = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return free;
}

/// A port from below those that the system gives to outgoing connections: while the server starts, one of ours to
/// its port could otherwise come from that port and be connected to itself.
uint16_t free_port() {
  SystemRandom random;
  while (true) {
    auto port = static_cast<uint16_t>(10'000 + random.number() % 5'000);
    if (is_free(port)) return port;
  }
}

std::string class_path() {
  std::string path;
  for (const char* jar : {"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "netty-all", "metrics-core",
                          "snappy-java", "commons-io", "jackson-core", "jackson-databind"}) {
    path += std::string(path.empty() ? "" : ":") + "/usr/share/java/" + jar + ".jar";
  }
  return path;
}

pid_t spawn_java(const std::string& config, const std::string& log) {
  std::vector<std::string> words{"java",
                                 "-Xmx128m",
                                 "-XX:+UseSerialGC",
                                 "-XX:TieredStopAtLevel=1",
                                 "-cp",
                                 class_path(),
                                 "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                 config};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  int failed = ::posix_spawnp(&pid, "java", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ASSERT(failed == 0);
  return pid;
}

}  // namespace

ZooKeeperServer::ZooKeeperServer(int tick_ms) : port_(free_port()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "zookeeper-XXXXXX").string();
  ASSERT(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  std::ofstream config(directory_ + "/zoo.cfg");
  config << "tickTime=" << tick_ms << "\ndataDir=" << directory_ << "/data\nclientPort=" << port_
         << "\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n";
  config.close();
  start();
}

ZooKeeperServer::~ZooKeeperServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string ZooKeeperServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void ZooKeeperServer::start() {
  ASSERT(pid_ == -1);
  pid_ = spawn_java(directory_ + "/zoo.cfg", directory_ + "/log");
  auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  // "ruok" is answered before sessions are.
  while (ask("srvr").find("Mode: ") == std::string::npos) {
    ASSERT(std::chrono::steady_clock::now() < deadline);
    ASSERT(::waitpid(pid_, nullptr, WNOHANG) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void ZooKeeperServer::suspend() { ::kill(pid_, SIGSTOP); }
void ZooKeeperServer::resume() { ::kill(pid_, SIGCONT); }

void ZooKeeperServer::kill() {
  if (pid_ == -1) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string ZooKeeperServer::ask(const std::string& four_letters) const {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port_);
  timeval patience{.tv_sec = 1, .tv_usec = 0};  // whatever accepts there may not be ZooKeeper yet
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, four_letters.data(), four_letters.size(), MSG_NOSIGNAL) > 0) {
    char buffer[64];
    ssize_t got = 0;
    while ((got = ::recv(socket, buffer, sizeof buffer, 0)) > 0) answer.append(buffer, static_cast<size_t>(got));
  }
  ::close(socket);
  return answer;
}

}  // namespace gregor::testing
