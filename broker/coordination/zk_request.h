#pragma once

#include <coroutine>
#include <cstdint>
#include <string>
#include <vector>

#define THREADED
#include <zookeeper/zookeeper.h>

#include "broker/coordination/zookeeper.h"

/// Requests in the terms of the Apache C client. Internal to the module, as its header must not spread.
namespace gregor::zk_request {

class Request;

/// Where requests come back to.
class Owner {
 public:
  virtual ~Owner() = default;
  /// `request` has its answer. Called on a thread of the C client.
  virtual void answered(Request& request) = 0;
};

/// One request on its way. It lives in the frame of the coroutine that waits for it, and is filled by a thread of
/// the C client between `send` and `Owner::answered`.
class Request {
 public:
  virtual ~Request() = default;
  /// Hands the request to the C client. Anything but ZOK means that no answer will come.
  virtual int send(zhandle_t* handle) = 0;

  void answer(int code) {
    rc = code;
    owner->answered(*this);
  }

  Owner* owner = nullptr;
  std::coroutine_handle<> awaiting;
  uint64_t number = 0;  // rises in the order in which requests were made
  Instant sent{};       // for the last time
  int rc = ZOK;
};

class Create final : public Request {
 public:
  Create(std::string path, std::string data, CreateMode mode)
      : path_(std::move(path)), data_(std::move(data)), mode_(mode) {}
  int send(zhandle_t* handle) override;
  ZkCreated created;

 private:
  std::string path_;
  std::string data_;
  CreateMode mode_;
};

class Get final : public Request {
 public:
  Get(std::string path, Watch watch) : path_(std::move(path)), watch_(watch) {}
  int send(zhandle_t* handle) override;
  ZkNode node;

 private:
  std::string path_;
  Watch watch_;
};

class Exists final : public Request {
 public:
  Exists(std::string path, Watch watch) : path_(std::move(path)), watch_(watch) {}
  int send(zhandle_t* handle) override;
  ZkStat stat;

 private:
  std::string path_;
  Watch watch_;
};

class Children final : public Request {
 public:
  Children(std::string path, Watch watch) : path_(std::move(path)), watch_(watch) {}
  int send(zhandle_t* handle) override;
  ZkChildren children;

 private:
  std::string path_;
  Watch watch_;
};

class Set final : public Request {
 public:
  Set(std::string path, std::string data, int32_t version)
      : path_(std::move(path)), data_(std::move(data)), version_(version) {}
  int send(zhandle_t* handle) override;
  ZkStat stat;

 private:
  std::string path_;
  std::string data_;
  int32_t version_;
};

class Remove final : public Request {
 public:
  Remove(std::string path, int32_t version) : path_(std::move(path)), version_(version) {}
  int send(zhandle_t* handle) override;

 private:
  std::string path_;
  int32_t version_;
};

class Multi final : public Request {
 public:
  explicit Multi(std::vector<ZkOp> ops) : ops_(std::move(ops)) {}
  int send(zhandle_t* handle) override;
  /// What each operation yielded, once answered.
  std::vector<ZkOpResult> results() const;

 private:
  void prepare(size_t index);

  std::vector<ZkOp> ops_;
  std::vector<zoo_op_t> raw_ops_;
  std::vector<zoo_op_result_t> raw_results_;
  std::vector<std::string> created_paths_;
  std::vector<::Stat> stats_;
};

}  // namespace gregor::zk_request
