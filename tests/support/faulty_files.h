#pragma once

#include <atomic>
#include <cerrno>

#include "runtime/file.h"

namespace gregor::testing {

/// The operating system's files, until they are told to fail below one path: ENOSPC fails what takes room, every
/// other error whatever changes something, and reads too if `fails_reads`. A failing write still writes half.
class FaultyFileSystem final : public FileSystem {
 public:
  std::atomic<int> error{0};
  std::atomic<bool> fails_reads{false};
  std::string failing_path;        ///< a prefix; everything when empty
  std::atomic<int> open_error{0};  ///< fails what takes a descriptor, once `opens_left` are used up
  std::atomic<int> opens_left{0};
  DiskSpace room{1ull << 40, 1ull << 39};  ///< what `space` answers
  bool supports_sync_all = true;
  std::atomic<int> syncs{0};  ///< of files and directories, so far

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (lacks_descriptors(path)) return system_error(open_error, "open " + path);
    bool takes_room = (mode == OpenMode::create || mode == OpenMode::create_new) && !real_.exists(path);
    if (fails(path, takes_room)) return failure("open", path);
    auto file = real_.open(path, mode);
    if (!file) return file;
    return std::shared_ptr<File>(std::make_shared<FaultyFile>(*this, *file));
  }
  bool exists(const std::string& path) override { return real_.exists(path); }
  Result<void> create_directories(const std::string& path) override {
    if (fails(path, true)) return failure("create directory", path);
    return real_.create_directories(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    if (lacks_descriptors(path)) return system_error(open_error, "list " + path);
    if (fails_reads && fails(path, false)) return failure("list", path);
    return real_.list(path);
  }
  Result<int64_t> modified_ms(const std::string& path) override { return real_.modified_ms(path); }
  Result<DiskSpace> space(const std::string&) override { return room; }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (fails(from, false)) return failure("rename", from);
    return real_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (fails(path, false)) return failure("remove", path);
    return real_.remove(path);
  }
  Result<void> remove_all(const std::string& path) override {
    if (fails(path, false)) return failure("remove", path);
    return real_.remove_all(path);
  }
  Result<void> sync_directory(const std::string& path) override {
    if (lacks_descriptors(path)) return system_error(open_error, "sync " + path);
    if (fails(path, false)) return failure("sync", path);
    ++syncs;
    return real_.sync_directory(path);
  }
  Result<void> sync_all(const std::string& path) override {
    if (!supports_sync_all) return Error{std::make_error_code(std::errc::operation_not_supported), "sync " + path};
    if (lacks_descriptors(path)) return system_error(open_error, "sync " + path);
    if (fails(path, false)) return failure("sync", path);
    ++syncs;
    return real_.sync_all(path);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    if (fails(path, false)) return failure("lock", path);
    return real_.lock(path);
  }

 private:
  bool fails(const std::string& path, bool takes_room) const {
    if (error == 0 || !path.starts_with(failing_path)) return false;
    return takes_room || error != ENOSPC;
  }
  bool lacks_descriptors(const std::string& path) {
    return open_error != 0 && path.starts_with(failing_path) && opens_left-- <= 0;
  }
  Error failure(const char* doing, const std::string& path) const {
    return system_error(error, std::string(doing) + " " + path);
  }

  class FaultyFile final : public File {
   public:
    FaultyFile(FaultyFileSystem& owner, std::shared_ptr<File> real) : owner_(owner), real_(std::move(real)) {}
    Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) override {
      if (owner_.fails_reads && owner_.fails(path(), false)) return owner_.failure("read", path());
      return real_->read_at(position, into);
    }
    Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) override {
      if (!owner_.fails(path(), true)) return real_->write_at(position, pieces);
      Bytes half = pieces[0].first(pieces[0].size() / 2);
      (void)real_->write_at(position, {&half, 1});
      return owner_.failure("write", path());
    }
    Result<uint64_t> size() override { return real_->size(); }
    Result<void> truncate(uint64_t size) override {
      if (owner_.fails(path(), false)) return owner_.failure("truncate", path());
      return real_->truncate(size);
    }
    Result<void> allocate(uint64_t size) override {
      if (owner_.fails(path(), true)) return owner_.failure("allocate", path());
      return real_->allocate(size);
    }
    Result<void> sync() override {
      if (owner_.fails(path(), false)) return owner_.failure("sync", path());
      ++owner_.syncs;
      return real_->sync();
    }
    const std::string& path() const override { return real_->path(); }
    int descriptor() const override { return real_->descriptor(); }

   private:
    FaultyFileSystem& owner_;
    std::shared_ptr<File> real_;
  };

  PosixFileSystem real_;
};

}  // namespace gregor::testing
