#pragma once

#include <memory>
#include <vector>

#include "broker/api/api.h"
#include "broker/metadata/metadata_cache.h"

namespace gregor {

/// The APIs that are served. What is listed here is what ApiVersions advertises.
class ApiRegistry {
 public:
  void add(std::unique_ptr<Api> api);
  /// Null when it is not served.
  Api* find(int16_t key) const;
  /// In the order of their keys.
  const std::vector<std::unique_ptr<Api>>& all() const { return apis_; }

 private:
  std::vector<std::unique_ptr<Api>> apis_;
};

/// Finds the API that a frame asks for. Clients are kept waiting until the controller has told this broker of the
/// cluster, itself included; before that every answer would be wrong. A request of an API or version that is not
/// served closes the connection, as Kafka does; an ApiVersions request of a later version is answered in version 0,
/// so that the client can try again.
class Dispatcher final : public FrameHandler {
 public:
  Dispatcher(const ApiRegistry& registry, MetadataCache& metadata, RequestMetrics& metrics, BrokerId self)
      : registry_(registry), metadata_(metadata), metrics_(metrics), self_(self) {}

  Task<Reply> handle(const ConnectionInfo& connection, RequestFrame frame) override;

 private:
  Task<bool> ready(const ConnectionInfo& connection);
  /// Has `api` answer, and sees to it that the request is measured.
  Task<Reply> handle_measured(Api& api, const RequestContext& context, ByteReader body, size_t size_bytes);

  const ApiRegistry& registry_;
  MetadataCache& metadata_;
  RequestMetrics& metrics_;
  const BrokerId self_;
};

}  // namespace gregor
