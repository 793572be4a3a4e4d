#include "broker/coordination/zk_request.h"

namespace gregor::zk_request {
namespace {

constexpr size_t kSequenceRoom = 16;  // for the sequence number and the closing NUL

int flags_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::persistent:
      return ZOO_PERSISTENT;
    case CreateMode::ephemeral:
      return ZOO_EPHEMERAL;
    case CreateMode::persistent_sequential:
      return ZOO_PERSISTENT_SEQUENTIAL;
    case CreateMode::ephemeral_sequential:
      return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

/// No data is sent as null, which is how Kafka leaves nodes that only mark a place.
const char* data_of(const std::string& data) { return data.empty() ? nullptr : data.data(); }
int length_of(const std::string& data) { return data.empty() ? -1 : static_cast<int>(data.size()); }

ZkStat to_stat(const ::Stat& stat) {
  return {stat.czxid,   stat.mzxid,    stat.pzxid,          stat.ctime,      stat.mtime,
          stat.version, stat.cversion, stat.ephemeralOwner, stat.dataLength, stat.numChildren};
}

template <class Kind>
Kind& request_of(const void* context) {
  return *static_cast<Kind*>(const_cast<void*>(context));
}

void on_created(int rc, const char* path, const ::Stat* stat, const void* context) {
  auto& request = request_of<Create>(context);
  if (rc == ZOK) request.created = {path, to_stat(*stat)};
  request.answer(rc);
}

void on_data(int rc, const char* data, int length, const ::Stat* stat, const void* context) {
  auto& request = request_of<Get>(context);
  if (rc == ZOK) request.node = {std::string(data, length > 0 ? static_cast<size_t>(length) : 0), to_stat(*stat)};
  request.answer(rc);
}

template <class Kind>
void on_stat(int rc, const ::Stat* stat, const void* context) {
  auto& request = request_of<Kind>(context);
  if (rc == ZOK) request.stat = to_stat(*stat);
  request.answer(rc);
}

void on_children(int rc, const String_vector* names, const ::Stat* stat, const void* context) {
  auto& request = request_of<Children>(context);
  if (rc == ZOK) {
    request.children.names.assign(names->data, names->data + names->count);
    request.children.stat = to_stat(*stat);
  }
  request.answer(rc);
}

template <class Kind>
void on_done(int rc, const void* context) {
  request_of<Kind>(context).answer(rc);
}

}  // namespace

int Create::send(zhandle_t* handle) {
  return zoo_acreate2(handle, path_.c_str(), data_of(data_), length_of(data_), &ZOO_OPEN_ACL_UNSAFE,
                      flags_of(mode_), on_created, this);
}

int Get::send(zhandle_t* handle) { return zoo_aget(handle, path_.c_str(), watch_ == Watch::yes, on_data, this); }

int Exists::send(zhandle_t* handle) {
  return zoo_aexists(handle, path_.c_str(), watch_ == Watch::yes, on_stat<Exists>, this);
}

int Children::send(zhandle_t* handle) {
  return zoo_aget_children2(handle, path_.c_str(), watch_ == Watch::yes, on_children, this);
}

int Set::send(zhandle_t* handle) {
  return zoo_aset(handle, path_.c_str(), data_of(data_), length_of(data_), version_, on_stat<Set>, this);
}

int Remove::send(zhandle_t* handle) { return zoo_adelete(handle, path_.c_str(), version_, on_done<Remove>, this); }

void Multi::prepare(size_t index) {
  const ZkOp& op = ops_[index];
  zoo_op_t* raw = &raw_ops_[index];
  switch (op.kind) {
    case ZkOp::Kind::create: {
      std::string& created = created_paths_[index];
      created.assign(op.path.size() + kSequenceRoom, '\0');
      zoo_create_op_init(raw, op.path.c_str(), data_of(op.data), length_of(op.data), &ZOO_OPEN_ACL_UNSAFE,
                         flags_of(op.mode), created.data(), static_cast<int>(created.size()));
      return;
    }
    case ZkOp::Kind::set:
      zoo_set_op_init(raw, op.path.c_str(), data_of(op.data), length_of(op.data), op.version, &stats_[index]);
      return;
    case ZkOp::Kind::remove:
      zoo_delete_op_init(raw, op.path.c_str(), op.version);
      return;
    case ZkOp::Kind::check:
      zoo_check_op_init(raw, op.path.c_str(), op.version);
      return;
  }
}

int Multi::send(zhandle_t* handle) {
  raw_ops_.assign(ops_.size(), zoo_op_t{});
  raw_results_.assign(ops_.size(), zoo_op_result_t{});
  created_paths_.assign(ops_.size(), {});
  stats_.assign(ops_.size(), ::Stat{});
  for (size_t i = 0; i < ops_.size(); ++i) prepare(i);
  return zoo_amulti(handle, static_cast<int>(raw_ops_.size()), raw_ops_.data(), raw_results_.data(), on_done<Multi>,
                    this);
}

std::vector<ZkOpResult> Multi::results() const {
  std::vector<ZkOpResult> results;
  for (size_t i = 0; i < raw_results_.size(); ++i) {
    results.push_back(
        {static_cast<ZkCode>(raw_results_[i].err), std::string(created_paths_[i].c_str()), to_stat(stats_[i])});
  }
  return results;
}

}  // namespace gregor::zk_request
