#pragma once

#include <string_view>
#include <vector>

#include "image/manifest.h"
#include "sys/unique_fd.h"

namespace shardrun::importer {

/// Asks whoever started us to open what lies in the directory that is imported; we may open
/// nothing ourselves. See image/broker.h.
struct BrokeredFile {
    UniqueFd fd;
    std::vector<image::Xattr> xattrs;
};

class BrokerClient {
 public:
    /// `socket` stays the caller's.
    explicit BrokerClient(int socket) : socket_(socket) {}

    /// A canonical path, "" for the directory itself. Errors: those of open(2), with the path.
    Result<BrokeredFile> open(std::string_view path) const;

 private:
    int socket_;
};

}  // namespace shardrun::importer
