#include "broker/config/log_dirs_check.h"

#include <fmt/format.h>

#include <filesystem>

#include "broker/config/option_value.h"
#include "broker/config/options.h"

namespace gregor {
namespace {

/// Also where one of them, or both, are still to be made. What can't be found out is no reason to refuse: opening
/// the directory will tell.
bool are_the_same(const std::filesystem::path& one, const std::filesystem::path& other) {
  auto resolved = [](const std::filesystem::path& path) {
    std::error_code ignored;
    auto canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
    if (canonical.empty()) canonical = path.lexically_normal();
    bool ends_with_slash = !canonical.has_filename();
    return ends_with_slash ? canonical.parent_path() : canonical;
  };
  std::error_code ignored;
  return resolved(one) == resolved(other) || std::filesystem::equivalent(one, other, ignored);
}

}  // namespace

Result<void> check_log_dirs_differ(const BrokerConfig& config) {
  std::vector<std::string> paths = config.log_dirs();
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!are_the_same(paths[j], paths[i])) continue;
      return invalid_value("log.dirs", config.effective(options::log_dirs),
                           paths[i] == paths[j]
                               ? fmt::format("{} comes twice", paths[i])
                               : fmt::format("{} and {} are the same directory", paths[j], paths[i]));
    }
  }
  return {};
}

}  // namespace gregor
