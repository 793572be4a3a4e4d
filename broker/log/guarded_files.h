#pragma once

#include "broker/log/directory_health.h"

namespace gregor {

/// The files of one log directory, with every error told to its DirectoryHealth. Once the directory is offline
/// nothing is opened, written or synced any more; what is open can be read.
///
/// Any thread, as FileSystem. Paths are not checked to lie within the directory.
class GuardedFileSystem final : public FileSystem {
 public:
  /// `files` must outlive this and every file opened.
  GuardedFileSystem(FileSystem& files, std::shared_ptr<DirectoryHealth> health)
      : files_(files), health_(std::move(health)) {}

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<int64_t> modified_ms(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_all(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_all(const std::string& path) override;
  void distrust(const Error& reason) override { health_->take_offline(reason); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  void note_failed_sync(const Error& error);
  template <class Operation>
  auto guarded(Operation operation) -> decltype(operation());

  FileSystem& files_;
  std::shared_ptr<DirectoryHealth> health_;
};

}  // namespace gregor
