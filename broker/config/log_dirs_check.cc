#include "broker/config/log_dirs_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

/// The path without links and dots, also of what is still to be made. What can't be found out is no reason to
/// refuse: opening the directory will tell.
std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code ignored;
  auto canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
  if (canonical.empty()) canonical = path.lexically_normal();
  bool ends_with_slash = !canonical.has_filename();
  return ends_with_slash ? canonical.parent_path() : canonical;
}

bool are_the_same(const std::filesystem::path& one, const std::filesystem::path& other) {
  std::error_code ignored;
  return resolved(one) == resolved(other) || std::filesystem::equivalent(one, other, ignored);
}

bool is_within(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  std::filesystem::path in = resolved(inner);
  std::filesystem::path out = resolved(outer);
  return std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end();
}

/// What is wrong with two directories of log.dirs; empty where nothing is.
std::string problem_of(const std::string& one, const std::string& other) {
  if (one == other) return fmt::format("{} comes twice", one);
  if (are_the_same(one, other)) return fmt::format("{} and {} are the same directory", one, other);
  if (is_within(one, other)) return fmt::format("{} lies within {}", one, other);
  if (is_within(other, one)) return fmt::format("{} lies within {}", other, one);
  return "";
}

}  // namespace

Result<void> check_log_dirs_are_apart(const BrokerConfig& config) {
  std::vector<std::string> paths = config.log_dirs();
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      std::string problem = problem_of(paths[j], paths[i]);
      if (!problem.empty()) return invalid_value("log.dirs", config.effective(options::log_dirs), problem);
    }
  }
  return {};
}

}  // namespace gregor
