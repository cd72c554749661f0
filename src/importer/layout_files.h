#pragma once

#include <string>

#include "importer/broker_client.h"
#include "importer/oci_source.h"

namespace shardrun::importer {

/// A layout that lies in a directory.
class DirectoryLayout final : public LayoutFiles {
 public:
    DirectoryLayout(const BrokerClient& broker, Budget& budget)
        : broker_(broker), budget_(budget) {}
    Result<std::unique_ptr<ByteSource>> open(const std::string& path) override;
    /// Whether there is a file "oci-layout".
    Result<bool> is_layout() const;

 private:
    const BrokerClient& broker_;
    Budget& budget_;
};

/// A layout in a tar archive, which is read again from the beginning for each file: blobs may come
/// in any order. Of an uncompressed one that costs a look at each header.
class ArchiveLayout final : public LayoutFiles {
 public:
    /// `fd` stays the caller's and must be one that can be read again.
    ArchiveLayout(int fd, Budget& budget) : fd_(fd), budget_(budget) {}
    Result<std::unique_ptr<ByteSource>> open(const std::string& path) override;
    /// Whether the archive is a layout and not a file system: nothing but what a layout has stands
    /// in it before "oci-layout" or "index.json".
    Result<bool> is_layout();

 private:
    Result<void> rewind() const;

    int fd_;
    Budget& budget_;
};

}  // namespace shardrun::importer
