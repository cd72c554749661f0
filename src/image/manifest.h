#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blob/digest.h"
#include "shardrun/error.h"
#include "shardrun/messages.h"

namespace shardrun::image {

enum class EntryType : std::uint8_t {
    directory = 1,
    file = 2,
    symlink = 3,
    hard_link = 4,
    char_device = 5,
    block_device = 6,
    fifo = 7,
    socket = 8
};

/// An extended attribute: security.capability, or one below "user.".
struct Xattr {
    std::string name;
    std::string value;

    bool operator==(const Xattr&) const = default;
};

struct FileTime {
    std::int64_t seconds = 0;       ///< since 1970
    std::uint32_t nanoseconds = 0;  ///< 0..999999999

    bool operator==(const FileTime&) const = default;
};

/// One path of an image. Which fields count depends on the type; the others are as they are here. A
/// hard link has only its path and `link_to`.
struct Entry {
    std::string path;  ///< "" is the image's root
    EntryType type = EntryType::directory;
    std::uint16_t mode = 0;  ///< the permission bits, 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    FileTime mtime{};
    std::vector<Xattr> xattrs{};     ///< in the order of names
    std::uint64_t size_bytes = 0;    ///< file
    blob::Digest digest{};           ///< file
    BlobKind kind = BlobKind::data;  ///< file
    std::string target{};            ///< symlink: any text
    std::uint32_t link_to = 0;       ///< hard link: the index of a file before it
    std::uint32_t device_major = 0;  ///< devices
    std::uint32_t device_minor = 0;  ///< devices

    bool operator==(const Entry&) const = default;
};

/// Why a file is likely to be opened once another one was.
enum class EdgeReason : std::uint8_t {
    interpreter = 1,    ///< PT_INTERP of an ELF program
    library = 2,        ///< DT_NEEDED
    shebang = 3,        ///< "#!"
    python_import = 4,  ///< an import statement
    python_cache = 5,   ///< its byte code
    named_path = 6      ///< its path stands in a configuration file or a script
};

/// "Who opens `from` opens `to`." Indices of entries that are files.
struct Edge {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    EdgeReason reason = EdgeReason::library;

    auto operator<=>(const Edge&) const = default;
};

/// How the image's maker wanted it to be run; all of it may be empty.
struct RunConfig {
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;
    std::vector<std::string> environment;  ///< NAME=VALUE
    std::string working_directory;
    std::string user;

    bool operator==(const RunConfig&) const = default;
};

inline constexpr std::size_t kEntriesMax = std::size_t{1} << 20U;
inline constexpr std::size_t kEdgesMax = std::size_t{1} << 22U;
inline constexpr std::size_t kXattrsMax = 64;           ///< of one entry
inline constexpr std::size_t kXattrValueMax = 65536;    ///< bytes; XATTR_SIZE_MAX
inline constexpr std::size_t kRunTextsMax = 4096;       ///< texts in each list of RunConfig
inline constexpr std::size_t kRunTextSizeMax = 131072;  ///< bytes; MAX_ARG_STRLEN
inline constexpr std::size_t kManifestSizeMax = std::size_t{256} << 20U;  ///< bytes, encoded

/// What an image is: its paths, in the order of compare_paths, and its static prior. Once there is
/// one, it holds: every path is canonical and there once, the root and every other parent is a
/// directory that stands before, a hard link names a file before it, one digest has one size, edges
/// are sorted and lead from file to file.
class Manifest {
 public:
    /// Errors: EINVAL with the path and the reason, E2BIG beyond the limits above.
    static Result<Manifest> create(std::vector<Entry> entries, std::vector<Edge> edges,
                                   RunConfig run);

    const std::vector<Entry>& entries() const { return entries_; }
    const std::vector<Edge>& edges() const { return edges_; }
    const RunConfig& run() const { return run_; }

    /// None when no entry has this path.
    std::optional<std::uint32_t> index_of(std::string_view path) const;
    /// The entry's own index and those of all below it: [index, end).
    std::uint32_t end_of_subtree(std::uint32_t index) const;
    std::span<const Edge> edges_from(std::uint32_t index) const;
    /// Of all files, each once, in order.
    std::vector<blob::Digest> blobs() const;
    /// The sum of their sizes.
    std::uint64_t content_bytes() const;
    std::uint64_t file_count() const;

    bool operator==(const Manifest&) const = default;

 private:
    Manifest(std::vector<Entry> entries, std::vector<Edge> edges, RunConfig run)
        : entries_(std::move(entries)), edges_(std::move(edges)), run_(std::move(run)) {}

    std::vector<Entry> entries_;
    std::vector<Edge> edges_;
    RunConfig run_;
};

std::string_view name_of(EntryType type);
std::string_view name_of(EdgeReason reason);
std::string_view name_of(BlobKind kind);

}  // namespace shardrun::image
