#include "broker/log/guarded_files.h"

namespace gregor {
namespace {

template <class Outcome>
Outcome told(DirectoryHealth& health, Outcome outcome) {
  if (!outcome) health.report(outcome.error());
  return outcome;
}

class GuardedFile final : public File {
 public:
  GuardedFile(std::shared_ptr<File> file, std::shared_ptr<DirectoryHealth> health)
      : file_(std::move(file)), health_(std::move(health)) {}

  Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) override {
    return told(*health_, file_->read_at(position, into));
  }
  Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) override {
    if (health_->is_offline()) return health_->error();
    return told(*health_, file_->write_at(position, pieces));
  }
  Result<uint64_t> size() override { return told(*health_, file_->size()); }
  Result<void> truncate(uint64_t size) override {
    if (health_->is_offline()) return health_->error();
    return told(*health_, file_->truncate(size));
  }
  Result<void> allocate(uint64_t size) override {
    if (health_->is_offline()) return health_->error();
    return told(*health_, file_->allocate(size));
  }
  /// Whatever the reason, after a failed sync nobody knows what the disk has.
  Result<void> sync() override {
    if (health_->is_offline()) return health_->error();
    auto synced = file_->sync();
    if (!synced) health_->take_offline(synced.error());
    return synced;
  }
  const std::string& path() const override { return file_->path(); }
  int descriptor() const override { return file_->descriptor(); }

 private:
  std::shared_ptr<File> file_;
  std::shared_ptr<DirectoryHealth> health_;
};

}  // namespace

template <class Operation>
auto GuardedFileSystem::guarded(Operation operation) -> decltype(operation()) {
  if (health_->is_offline()) return health_->error();
  return told(*health_, operation());
}

Result<std::shared_ptr<File>> GuardedFileSystem::open(const std::string& path, OpenMode mode) {
  auto opened = guarded([&] { return files_.open(path, mode); });
  if (!opened) return opened;
  return std::shared_ptr<File>(std::make_shared<GuardedFile>(std::move(*opened), health_));
}

Result<void> GuardedFileSystem::create_directories(const std::string& path) {
  return guarded([&] { return files_.create_directories(path); });
}

Result<std::vector<DirectoryEntry>> GuardedFileSystem::list(const std::string& path) {
  return guarded([&] { return files_.list(path); });
}

Result<int64_t> GuardedFileSystem::modified_ms(const std::string& path) {
  return guarded([&] { return files_.modified_ms(path); });
}

Result<DiskSpace> GuardedFileSystem::space(const std::string& path) {
  return guarded([&] { return files_.space(path); });
}

Result<void> GuardedFileSystem::rename(const std::string& from, const std::string& to) {
  return guarded([&] { return files_.rename(from, to); });
}

Result<void> GuardedFileSystem::remove(const std::string& path) {
  return guarded([&] { return files_.remove(path); });
}

Result<void> GuardedFileSystem::remove_all(const std::string& path) {
  return guarded([&] { return files_.remove_all(path); });
}

// Before anything is synced the directory is opened, for which descriptors may be wanting, or which may be gone.
void GuardedFileSystem::note_failed_sync(const Error& error) {
  DiskFault fault = disk_fault(error);
  if (fault == DiskFault::full || fault == DiskFault::broken) health_->take_offline(error);
}

Result<void> GuardedFileSystem::sync_directory(const std::string& path) {
  auto synced = guarded([&] { return files_.sync_directory(path); });
  if (!synced) note_failed_sync(synced.error());
  return synced;
}

Result<void> GuardedFileSystem::sync_all(const std::string& path) {
  auto synced = files_.sync_all(path);
  bool is_unsupported = !synced && synced.error().code == std::make_error_code(std::errc::operation_not_supported);
  if (!synced && !is_unsupported) note_failed_sync(synced.error());
  return synced;
}

Result<std::unique_ptr<FileLock>> GuardedFileSystem::lock(const std::string& path) {
  return guarded([&] { return files_.lock(path); });
}

}  // namespace gregor
