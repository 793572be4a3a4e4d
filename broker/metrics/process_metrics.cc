#include "broker/metrics/process_metrics.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace gregor {
namespace {

constexpr Metric kCpu{Metric::Type::counter, "process_cpu_seconds_total",
                      "User and system CPU time spent, in seconds"};
constexpr Metric kResident{Metric::Type::gauge, "process_resident_memory_bytes", "Resident memory, in bytes"};
constexpr Metric kVirtual{Metric::Type::gauge, "process_virtual_memory_bytes", "Virtual memory, in bytes"};
constexpr Metric kOpen{Metric::Type::gauge, "process_open_fds", "Open file descriptors"};
constexpr Metric kMaxOpen{Metric::Type::gauge, "process_max_fds", "File descriptors that may be open"};
constexpr Metric kStart{Metric::Type::gauge, "process_start_time_seconds",
                        "When the process started, in seconds since 1970-01-01 UTC"};
constexpr Metric kThreads{Metric::Type::gauge, "process_threads", "Threads of the process"};
constexpr Metric kDiskRead{Metric::Type::gauge, "kafka_server_kafkaserver_linux_disk_read_bytes",
                           "Bytes that the process made the disks read"};
constexpr Metric kDiskWritten{Metric::Type::gauge, "kafka_server_kafkaserver_linux_disk_write_bytes",
                              "Bytes that the process made the disks write"};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void write_usage(MetricPage& page) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) page.add(kCpu, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) page.add(kMaxOpen, static_cast<double>(limit.rlim_cur));
}

void write_memory(MetricPage& page) {
  std::ifstream file("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  if (!(file >> total_pages >> resident_pages)) return;
  auto page_size = static_cast<double>(::sysconf(_SC_PAGESIZE));
  page.add(kVirtual, static_cast<double>(total_pages) * page_size);
  page.add(kResident, static_cast<double>(resident_pages) * page_size);
}

void write_descriptors(MetricPage& page) {
  std::error_code failed;
  std::filesystem::directory_iterator entries("/proc/self/fd", failed);
  if (!failed) page.add(kOpen, static_cast<double>(std::distance(begin(entries), end(entries))));
}

/// Seconds since the epoch at which the machine booted; 0 when the kernel does not say.
double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double time = 0;
  while (file >> word) {
    if (word == "btime" && file >> time) return time;
  }
  return 0;
}

void write_stat(MetricPage& page) {
  // The fields are counted from behind the program's name, which may hold anything.
  constexpr size_t kThreadsField = 17;
  constexpr size_t kStartField = 19;
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (size_t i = 0; fields >> field; ++i) {
    if (i == kThreadsField) page.add(kThreads, std::stod(field));
    if (i == kStartField) {
      page.add(kStart, boot_time() + std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
    }
  }
}

void write_disk(MetricPage& page) {
  std::ifstream file("/proc/self/io");
  std::string key;
  double value = 0;
  while (file >> key >> value) {
    if (key == "read_bytes:") page.add(kDiskRead, value);
    if (key == "write_bytes:") page.add(kDiskWritten, value);
  }
}

void write_process(MetricPage& page) {
  write_usage(page);
  write_memory(page);
  write_descriptors(page);
  write_stat(page);
  write_disk(page);
}

}  // namespace

Task<MetricWriter> ProcessMetrics::collect() {
  MetricWriter writer = [](MetricPage& page) { write_process(page); };
  co_return std::move(writer);
}

}  // namespace gregor
