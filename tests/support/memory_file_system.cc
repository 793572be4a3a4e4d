#include "tests/support/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace gregor::testing {

struct MemoryFileSystem::Node {
  bool is_directory = false;
  int64_t modified_ms = 0;
  CachedContent content;  ///< of a file
  Entries entries;        ///< of a directory
  Entries durable_entries;
  std::vector<EntryChange> unsynced;
};

class MemoryFileSystem::OpenFile final : public File {
 public:
  OpenFile(MemoryFileSystem& owner, NodePtr node, std::string path, bool is_writable)
      : owner_(owner),
        node_(std::move(node)),
        path_(std::move(path)),
        is_writable_(is_writable),
        process_(owner.process_) {}

  Result<size_t> read_at(uint64_t position, std::span<uint8_t> into) override {
    if (is_closed()) return system_error(EIO, "read " + path_);
    if (auto begun = owner_.begin_read("read " + path_); !begun) return begun.error();
    const auto& bytes = node_->content.bytes();
    if (position >= bytes.size()) return size_t{0};
    size_t count = std::min<size_t>(into.size(), bytes.size() - position);
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(position), count, into.begin());
    return count;
  }

  Result<void> write_at(uint64_t position, std::span<const Bytes> pieces) override {
    if (auto checked = check_writable("write "); !checked) return checked;
    std::vector<uint8_t> data;
    for (Bytes piece : pieces) data.insert(data.end(), piece.begin(), piece.end());
    Result<void> outcome;
    size_t count = owner_.writable_size(node_->content, position, data.size(), path_, outcome);
    if (count > 0) node_->content.write(position, Bytes(data).first(count));
    node_->modified_ms = owner_.now_ms_;
    return outcome;
  }

  Result<uint64_t> size() override {
    if (is_closed()) return system_error(EIO, "stat " + path_);
    return static_cast<uint64_t>(node_->content.bytes().size());
  }

  Result<void> truncate(uint64_t size) override {
    if (auto checked = check_writable("truncate "); !checked) return checked;
    if (auto begun = owner_.begin_change("truncate " + path_); !begun) return begun;
    node_->content.truncate(size);
    node_->modified_ms = owner_.now_ms_;
    return {};
  }

  Result<void> allocate(uint64_t size) override {
    uint64_t old_size = node_->content.bytes().size();
    if (size <= old_size) return {};
    if (size > owner_.greatest_size(node_->content)) return system_error(ENOSPC, "allocate " + path_);
    return truncate(size);
  }

  Result<void> sync() override {
    if (is_closed()) return system_error(EIO, "sync " + path_);
    if (auto begun = owner_.begin_change("sync " + path_); !begun) return begun;
    if (owner_.happens(owner_.rates_.sync_error)) {
      node_->content.fail_to_sync();
      return system_error(EIO, "sync " + path_);
    }
    node_->content.sync();
    return {};
  }

  const std::string& path() const override { return path_; }

 private:
  bool is_closed() const { return process_ != owner_.process_; }
  Result<void> check_writable(const char* doing) const {
    if (is_closed()) return system_error(EIO, doing + path_);
    return is_writable_ ? Result<void>() : system_error(EBADF, doing + path_);
  }

  MemoryFileSystem& owner_;
  NodePtr node_;
  const std::string path_;
  const bool is_writable_;
  const uint64_t process_;
};

class MemoryFileSystem::Lock final : public FileLock {
 public:
  Lock(MemoryFileSystem& owner, std::string path)
      : owner_(owner), path_(std::move(path)), process_(owner.process_) {}
  ~Lock() override {
    if (process_ == owner_.process_) owner_.locked_.erase(path_);
  }

 private:
  MemoryFileSystem& owner_;
  const std::string path_;
  const uint64_t process_;
};

namespace {

std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& name : std::filesystem::path(path).lexically_normal()) {
    if (!name.empty() && name != "/" && name != ".") names.push_back(name.string());
  }
  return names;
}

std::string last_name(const std::string& path) {
  auto names = names_of(path);
  return names.empty() ? "" : names.back();
}

}  // namespace

MemoryFileSystem::MemoryFileSystem(uint64_t seed) : root_(std::make_shared<Node>()), random_(seed) {
  root_->is_directory = true;
}

MemoryFileSystem::~MemoryFileSystem() = default;

MemoryFileSystem::NodePtr MemoryFileSystem::find(const std::string& path) const {
  NodePtr node = root_;
  for (const std::string& name : names_of(path)) {
    auto entry = node->entries.find(name);
    if (entry == node->entries.end()) return nullptr;
    node = entry->second;
  }
  return node;
}

MemoryFileSystem::NodePtr MemoryFileSystem::parent_of(const std::string& path) const {
  auto names = names_of(path);
  std::string parent;
  for (size_t i = 0; i + 1 < names.size(); ++i) parent += "/" + names[i];
  NodePtr node = find(parent);
  return names.empty() || (node && !node->is_directory) ? nullptr : node;
}

void MemoryFileSystem::apply(const EntryChange& change, Entries& to) {
  for (const auto& [name, node] : change) {
    if (node) {
      to[name] = node;
    } else {
      to.erase(name);
    }
  }
}

void MemoryFileSystem::change_entries(Node& directory, EntryChange change) {
  apply(change, directory.entries);
  directory.unsynced.push_back(std::move(change));
}

bool MemoryFileSystem::happens(double chance) {
  return chance > 0 && std::uniform_real_distribution<>(0, 1)(random_) < chance;
}

Result<void> MemoryFileSystem::begin_change(const std::string& doing) {
  if (is_stopped_) return system_error(EIO, doing);
  if (is_read_only_) return system_error(EROFS, doing);
  ++change_count_;
  if (changes_left_ == 0) {
    is_stopped_ = true;
    return system_error(EIO, doing);
  }
  --changes_left_;
  return {};
}

Result<void> MemoryFileSystem::begin_read(const std::string& doing) {
  if (is_stopped_ || happens(rates_.read_error)) return system_error(EIO, doing);
  return {};
}

uint64_t MemoryFileSystem::used_bytes() const {
  uint64_t used = 0;
  std::vector<NodePtr> rest = {root_};
  while (!rest.empty()) {
    NodePtr node = rest.back();
    rest.pop_back();
    used += node->content.bytes().size();
    for (const auto& [name, child] : node->entries) rest.push_back(child);
  }
  return used;
}

uint64_t MemoryFileSystem::greatest_size(const CachedContent& content) const {
  uint64_t size = content.bytes().size();
  uint64_t others = used_bytes() - size;
  return std::max(size, capacity_ > others ? capacity_ - others : 0);
}

size_t MemoryFileSystem::writable_size(const CachedContent& content, uint64_t position, size_t size,
                                       const std::string& path, Result<void>& outcome) {
  bool was_stopped = is_stopped_;
  outcome = begin_change("write " + path);
  auto any_part = [&] { return static_cast<size_t>(random_() % (size + 1)); };
  if (!outcome) return is_stopped_ && !was_stopped ? any_part() : 0;
  if (happens(rates_.write_error)) {
    outcome = system_error(EIO, "write " + path);
    return any_part();
  }
  if (capacity_ == std::numeric_limits<uint64_t>::max()) return size;
  uint64_t end = greatest_size(content);
  if (position + size <= end) return size;
  outcome = system_error(ENOSPC, "write " + path);
  return end > position ? static_cast<size_t>(end - position) : 0;
}

void MemoryFileSystem::end_process() { restart(Survival::all); }
void MemoryFileSystem::lose_power() { restart(Survival::some); }
void MemoryFileSystem::lose_everything_unsynced() { restart(Survival::least); }

void MemoryFileSystem::restart(Survival survival) {
  ++process_;
  locked_.clear();
  changes_left_ = std::numeric_limits<uint64_t>::max();
  is_stopped_ = false;
  if (survival != Survival::all) restart_node(*root_, survival);
}

void MemoryFileSystem::restart_node(Node& node, Survival survival) {
  if (!node.is_directory) {
    if (survival == Survival::some) {
      node.content.lose_power(random_);
    } else {
      node.content.lose_everything_unsynced();
    }
    return;
  }
  size_t kept = survival == Survival::some ? random_() % (node.unsynced.size() + 1) : 0;
  for (size_t i = 0; i < kept; ++i) apply(node.unsynced[i], node.durable_entries);
  node.unsynced.clear();
  node.entries = node.durable_entries;
  for (const auto& [name, child] : node.entries) restart_node(*child, survival);
}

void MemoryFileSystem::put(const std::string& path, Bytes content) {
  NodePtr node = root_;
  auto names = names_of(path);
  for (size_t i = 0; i < names.size(); ++i) {
    NodePtr& child = node->entries[names[i]];
    if (!child) child = std::make_shared<Node>();
    child->is_directory = i + 1 < names.size();
    node->durable_entries[names[i]] = child;
    node = child;
  }
  node->content = CachedContent();
  node->content.write(0, content);
  node->content.sync();
}

const std::vector<uint8_t>& MemoryFileSystem::content(const std::string& path) const {
  NodePtr node = find(path);
  ASSERT(node && !node->is_directory);
  return node->content.bytes();
}

std::optional<std::vector<uint8_t>> MemoryFileSystem::durable_content(const std::string& path) const {
  NodePtr node = root_;
  for (const std::string& name : names_of(path)) {
    auto entry = node->durable_entries.find(name);
    if (entry == node->durable_entries.end()) return std::nullopt;
    node = entry->second;
  }
  return node->content.durable();
}

Result<std::shared_ptr<File>> MemoryFileSystem::open(const std::string& path, OpenMode mode) {
  NodePtr node = find(path);
  bool makes = mode == OpenMode::create || mode == OpenMode::create_new;
  if (node && node->is_directory) return system_error(EISDIR, "open " + path);
  if (node && mode == OpenMode::create_new) return system_error(EEXIST, "open " + path);
  if (!node) {
    NodePtr parent = parent_of(path);
    if (!makes || !parent) return system_error(ENOENT, "open " + path);
    if (auto begun = begin_change("open " + path); !begun) return begun.error();
    node = std::make_shared<Node>();
    change_entries(*parent, {{last_name(path), node}});
  } else if (mode != OpenMode::read && is_read_only_) {
    return system_error(EROFS, "open " + path);
  }
  if (is_stopped_) return system_error(EIO, "open " + path);
  return std::shared_ptr<File>(std::make_shared<OpenFile>(*this, node, path, mode != OpenMode::read));
}

Result<void> MemoryFileSystem::create_directories(const std::string& path) {
  NodePtr node = root_;
  for (const std::string& name : names_of(path)) {
    if (!node->entries.contains(name)) {
      if (auto begun = begin_change("create directory " + path); !begun) return begun;
      auto made = std::make_shared<Node>();
      made->is_directory = true;
      change_entries(*node, {{name, made}});
    }
    node = node->entries[name];
    if (!node->is_directory) return system_error(ENOTDIR, "create directory " + path);
  }
  return {};
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::list(const std::string& path) {
  if (auto begun = begin_read("list " + path); !begun) return begun.error();
  NodePtr node = find(path);
  if (!node) return system_error(ENOENT, "list " + path);
  if (!node->is_directory) return system_error(ENOTDIR, "list " + path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : node->entries) {
    entries.push_back({name, child->is_directory, child->content.bytes().size()});
  }
  return entries;
}

Result<int64_t> MemoryFileSystem::modified_ms(const std::string& path) {
  if (auto begun = begin_read("stat " + path); !begun) return begun.error();
  NodePtr node = find(path);
  return node ? Result<int64_t>(node->modified_ms) : system_error(ENOENT, "stat " + path);
}

Result<DiskSpace> MemoryFileSystem::space(const std::string& path) {
  if (auto begun = begin_read("stat " + path); !begun) return begun.error();
  uint64_t used = used_bytes();
  return DiskSpace{capacity_, capacity_ > used ? capacity_ - used : 0};
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  std::string doing = "rename " + from + " to " + to;
  NodePtr node = find(from);
  NodePtr source = parent_of(from);
  NodePtr target = parent_of(to);
  if (!node || !source || !target) return system_error(ENOENT, doing);
  NodePtr replaced = find(to);
  if (replaced == node) return {};
  if (replaced && replaced->is_directory != node->is_directory) {
    return system_error(node->is_directory ? ENOTDIR : EISDIR, doing);
  }
  if (replaced && !replaced->entries.empty()) return system_error(ENOTEMPTY, doing);
  if (auto begun = begin_change(doing); !begun) return begun;
  if (source == target) {
    change_entries(*source, {{last_name(from), nullptr}, {last_name(to), node}});
    return {};
  }
  for (const auto& [directory, change] : {std::pair{source, EntryChange{{last_name(from), nullptr}}},
                                          std::pair{target, EntryChange{{last_name(to), node}}}}) {
    change_entries(*directory, change);
    directory->durable_entries = directory->entries;
    directory->unsynced.clear();
  }
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& path) {
  NodePtr node = find(path);
  NodePtr parent = parent_of(path);
  if (!node || !parent) return system_error(ENOENT, "remove " + path);
  if (!node->entries.empty()) return system_error(ENOTEMPTY, "remove " + path);
  if (auto begun = begin_change("remove " + path); !begun) return begun;
  change_entries(*parent, {{last_name(path), nullptr}});
  return {};
}

Result<void> MemoryFileSystem::remove_all(const std::string& path) {
  NodePtr node = find(path);
  if (!node) return {};
  auto children = node->entries;
  for (const auto& [name, child] : children) {
    if (auto removed = remove_all(path + "/" + name); !removed) return removed;
  }
  return remove(path);
}

Result<void> MemoryFileSystem::sync_directory(const std::string& path) {
  NodePtr node = find(path);
  if (!node) return system_error(ENOENT, "sync " + path);
  if (!node->is_directory) return system_error(ENOTDIR, "sync " + path);
  if (auto begun = begin_change("sync " + path); !begun) return begun;
  if (happens(rates_.sync_error)) return system_error(EIO, "sync " + path);
  node->durable_entries = node->entries;
  node->unsynced.clear();
  return {};
}

Result<void> MemoryFileSystem::sync_all(const std::string& path) {
  NodePtr node = find(path);
  if (!node) return system_error(ENOENT, "sync " + path);
  if (auto begun = begin_change("sync " + path); !begun) return begun;
  if (happens(rates_.sync_error)) return system_error(EIO, "sync " + path);
  sync_node(*root_);
  return {};
}

void MemoryFileSystem::sync_node(Node& node) {
  if (!node.is_directory) {
    node.content.sync();
    return;
  }
  node.durable_entries = node.entries;
  node.unsynced.clear();
  for (const auto& [name, entry] : node.entries) sync_node(*entry);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path) {
  auto made = open(path, OpenMode::create);
  if (!made) return made.error();
  if (!locked_.insert(path).second) return system_error(EWOULDBLOCK, "lock " + path);
  return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, path));
}

}  // namespace gregor::testing
