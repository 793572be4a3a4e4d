// gregor-broker: read this first. Everything is made here in the order in which it depends on each other, every
// thread is started here, and everything is taken down in the reverse order.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <future>
#include <thread>

#include "broker/broker.h"
#include "broker/config/help.h"
#include "broker/config/option_value.h"
#include "broker/config/options.h"
#include "broker/config/properties.h"
#include "runtime/epoll_shard.h"
#include "runtime/fatal.h"
#include "runtime/logging.h"

namespace {

using namespace gregor;  // NOLINT: a program, not a header

struct Arguments {
  std::string properties_file;
  std::vector<std::string> overrides;
};

int refuse(const std::string& reason) {
  log::fatal(reason);
  return 1;
}

Result<Properties> parse_overrides(const std::vector<std::string>& overrides) {
  Properties parsed;
  for (const auto& text : overrides) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{std::make_error_code(std::errc::invalid_argument), "--override takes key=value, not " + text};
    }
    parsed[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return parsed;
}

Result<BrokerConfig> load_config(FileSystem& files, const Arguments& arguments) {
  Properties properties;
  if (!arguments.properties_file.empty()) {
    auto text = read_text_file(files, arguments.properties_file);
    if (!text) return text.error();
    auto parsed = parse_properties(*text);
    if (!parsed) return Error{parsed.error().code, arguments.properties_file + ": " + parsed.error().message};
    properties = std::move(*parsed);
  }
  auto overrides = parse_overrides(arguments.overrides);
  if (!overrides) return overrides.error();
  return BrokerConfig::load(properties, *overrides);
}

log::Level log_level(const BrokerConfig& config) {
  std::string level = config.get(options::gregor_log_level);
  if (level == "debug") return log::Level::debug;
  if (level == "warn") return log::Level::warn;
  return level == "error" ? log::Level::error : log::Level::info;
}

size_t shard_count(const BrokerConfig& config) {
  auto configured = static_cast<size_t>(config.get(options::num_shards));
  return configured > 0 ? configured : std::max(1u, std::thread::hardware_concurrency());
}

/// The signals that end the broker, kept from every thread so that main can wait for them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

Task<void> fulfil(std::promise<Result<void>>& promise, Task<Result<void>> task) {
  Result<void> outcome = co_await task;
  promise.set_value(std::move(outcome));
}

/// Whether the broker has to end by itself, which it does as if it had been told to.
class Failure {
 public:
  void happened(const std::string& reason) {
    refuse(reason);
    has_happened_ = true;
    kill(getpid(), SIGTERM);
  }
  bool has_happened() const { return has_happened_; }

 private:
  std::atomic<bool> has_happened_{false};
};

Task<void> start_and_tell(Broker& broker, Failure& failure) {
  Result<void> started = co_await broker.start();
  if (!started) failure.happened(started.error().message);
}

void tell_of_stop(const std::vector<std::string>& to_recover) {
  if (to_recover.empty()) {
    log::info("stopped");
  } else {
    log::warn("stopped, the next start will recover log directories paths={}", fmt::join(to_recover, ","));
  }
}

int serve(BrokerConfig config, FileSystem& files, const sigset_t& signals) {
  SystemClock clock;
  SystemRandom random;
  std::vector<std::unique_ptr<EpollShard>> owned;
  Shards shards;
  for (size_t i = 0; i < shard_count(config); ++i) {
    owned.push_back(std::make_unique<EpollShard>(i, "shard-" + std::to_string(i), clock));
    shards.push_back(owned.back().get());
  }
  ThreadPool pool(static_cast<size_t>(config.get(options::background_threads)));
  PosixNetwork network(pool);
  Failure failure;
  Broker broker({shards, pool, files, network, clock, random}, std::move(config),
                [&failure](const std::string& reason) { failure.happened(reason); });
  for (auto& shard : owned) shard->start();

  shards[0]->post([&] { spawn(start_and_tell(broker, failure)); });
  int received = 0;
  sigwait(&signals, &received);
  if (!failure.has_happened()) log::info("stopping signal={}", strsignal(received));
  std::promise<Result<void>> stopped;
  auto outcome = stopped.get_future();
  shards[0]->post([&] { spawn(fulfil(stopped, broker.stop())); });
  Result<void> closed = outcome.get();
  for (auto& shard : owned) shard->stop();
  if (failure.has_happened()) return 1;
  tell_of_stop(broker.directories_to_recover());
  return closed ? 0 : 1;
}

/// For what help is asked, prints it, and yields 0.
int refuse_arguments(const CLI::App& app, const CLI::ParseError& error) {
  bool is_refused = error.get_exit_code() != 0;
  if (!is_refused) return app.exit(error);
  std::vector<std::string> unknown = app.remaining();
  std::string reason = unknown.empty() ? error.what() : "unknown argument " + unknown.front();
  return refuse(reason + ", --help lists what there is");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Apache Kafka's ZooKeeper-mode broker in native code.\nOptions are Kafka's; --help-all lists them.",
               "gregor-broker");
  app.add_option("properties", arguments.properties_file, "A server.properties file")->type_name("");
  app.add_option("--override", arguments.overrides, "One option, instead of what the file says; may be repeated")
      ->type_name("key=value")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  bool wants_options = false;
  app.add_flag("--help-all", wants_options, "Print every option with its type, default and meaning");
  app.set_version_flag("--version", GREGOR_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return refuse_arguments(app, error);
  }
  if (wants_options) {
    std::fputs(options_help().c_str(), stdout);
    return 0;
  }
  sigset_t signals = block_signals();
  PosixFileSystem files;
  auto config = load_config(files, arguments);
  if (!config) return refuse(config.error().message);
  log::start(log_level(*config), split_list(GREGOR_LOGGERS));
  log::info("gregor-broker {} starting log_dirs={}", GREGOR_VERSION, fmt::join(config->log_dirs(), ","));
  for (const auto& warning : config->warnings()) log::warn("{}", warning);
  return serve(std::move(*config), files, signals);
}
