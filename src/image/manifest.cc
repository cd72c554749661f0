#include "image/manifest.h"

#include <algorithm>
#include <unordered_map>

#include "base/fail.h"
#include "image/path.h"

namespace shardrun::image {
namespace {

constexpr std::uint16_t kModeMax = 07777;
constexpr std::uint32_t kNanosecondsMax = 999'999'999;
constexpr std::uint64_t kFileSizeMax = ~std::uint64_t{0} >> 1U;  // off_t
constexpr std::string_view kCapability = "security.capability";

/// Its messages are what stands behind the path.
class Checker {
 public:
    explicit Checker(const std::vector<Entry>& entries) : entries_(entries) {}

    Result<void> check_all() {
        if (entries_.empty() || !entries_.front().path.empty())
            return refuse(EINVAL, "the root directory is missing");
        for (index_ = 0; index_ < entries_.size(); ++index_) {
            const Entry& entry = entries_[index_];
            const Result<void> checked = check(entry);
            if (!checked)
                return refuse(checked.error().code, "'{}' {}", entry.path, checked.error().message);
        }
        return {};
    }

 private:
    Result<void> check(const Entry& entry) {
        SR_DO(check_path(entry.path));
        SR_DO(check_place(entry));
        SR_DO(check_attributes(entry));
        SR_DO(check_xattrs(entry));
        return check_of_type(entry);
    }

    Result<void> check_place(const Entry& entry) {
        if (index_ == 0) {
            if (entry.type != EntryType::directory) return refuse(EINVAL, "is no directory");
            open_folders_.push_back(entry.path);
            return {};
        }
        const std::strong_ordering order = compare_paths(entries_[index_ - 1].path, entry.path);
        if (order == std::strong_ordering::equal) return refuse(EINVAL, "is there twice");
        if (order == std::strong_ordering::greater) return refuse(EINVAL, "is out of order");
        // The directories on the way to the entry before this one; the parent is one of them.
        while (!is_within(entry.path, open_folders_.back())) open_folders_.pop_back();
        if (open_folders_.back() != parent_path(entry.path))
            return refuse(EINVAL, "has no parent directory before it");
        if (entry.type == EntryType::directory) open_folders_.push_back(entry.path);
        return {};
    }

    static Result<void> check_attributes(const Entry& entry) {
        if (entry.mode > kModeMax) return refuse(EINVAL, "has mode {:o}", entry.mode);
        if (entry.mtime.nanoseconds > kNanosecondsMax)
            return refuse(EINVAL, "has {} nanoseconds", entry.mtime.nanoseconds);
        return {};
    }

    static Result<void> check_xattrs(const Entry& entry) {
        if (entry.xattrs.size() > kXattrsMax)
            return refuse(E2BIG, "has more than {} extended attributes", kXattrsMax);
        for (std::size_t i = 0; i < entry.xattrs.size(); ++i) {
            const Xattr& xattr = entry.xattrs[i];
            if (xattr.value.size() > kXattrValueMax || xattr.name.size() > kNameSizeMax)
                return refuse(E2BIG, "has a too long extended attribute");
            if (i > 0 && entry.xattrs[i - 1].name >= xattr.name)
                return refuse(EINVAL, "has extended attributes out of order");
            const bool is_user = xattr.name.starts_with("user.") && xattr.name.size() > 5 &&
                                 xattr.name.find('\0') == std::string::npos;
            if (!is_user && !is_capability(entry, xattr))
                return refuse(EINVAL, "has the extended attribute '{}'", xattr.name);
        }
        return {};
    }

    /// The three sizes of vfs_cap_data. Source: linux/capability.h.
    static bool is_capability(const Entry& entry, const Xattr& xattr) {
        const std::size_t size = xattr.value.size();
        return entry.type == EntryType::file && xattr.name == kCapability &&
               (size == 12 || size == 20 || size == 24);
    }

    Result<void> check_of_type(const Entry& entry) {
        switch (entry.type) {
            case EntryType::file:
                return check_file(entry);
            case EntryType::symlink:
                if (entry.target.empty() || entry.target.size() > kPathSizeMax ||
                    entry.target.find('\0') != std::string::npos)
                    return refuse(EINVAL, "has a target that no symbolic link can have");
                return {};
            case EntryType::hard_link:
                if (entry.link_to >= index_ || entries_[entry.link_to].type != EntryType::file)
                    return refuse(EINVAL, "is a hard link to what is no file before it");
                return {};
            case EntryType::directory:
            case EntryType::char_device:
            case EntryType::block_device:
            case EntryType::fifo:
            case EntryType::socket:
                return {};
        }
        return refuse(EINVAL, "has the unknown type {}", static_cast<unsigned>(entry.type));
    }

    Result<void> check_file(const Entry& entry) {
        if (entry.size_bytes > kFileSizeMax)
            return refuse(EINVAL, "has {} bytes", entry.size_bytes);
        if (entry.kind != BlobKind::data && entry.kind != BlobKind::code &&
            entry.kind != BlobKind::configuration)
            return refuse(EINVAL, "has the unknown kind {}", static_cast<unsigned>(entry.kind));
        const auto known = sizes_.try_emplace(entry.digest, entry.size_bytes).first;
        if (known->second != entry.size_bytes)
            return refuse(EINVAL, "has {} bytes, and another file of the same digest {}",
                          entry.size_bytes, known->second);
        return {};
    }

    const std::vector<Entry>& entries_;
    std::size_t index_ = 0;
    std::vector<std::string_view> open_folders_;
    std::unordered_map<blob::Digest, std::uint64_t> sizes_;
};

bool is_reason(EdgeReason reason) {
    return reason >= EdgeReason::interpreter && reason <= EdgeReason::named_path;
}

Result<void> check_edges(const std::vector<Entry>& entries, const std::vector<Edge>& edges) {
    const auto is_file = [&](std::uint32_t index) {
        return index < entries.size() && entries[index].type == EntryType::file;
    };
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const Edge& edge = edges[i];
        if (!is_file(edge.from) || !is_file(edge.to) || edge.from == edge.to)
            return refuse(EINVAL, "edge {} does not lead from one file to another", i);
        if (!is_reason(edge.reason))
            return refuse(EINVAL, "edge {} has the unknown reason {}", i,
                          static_cast<unsigned>(edge.reason));
        if (i > 0 && edges[i - 1] >= edge) return refuse(EINVAL, "edge {} is out of order", i);
    }
    return {};
}

Result<void> check_texts(const std::vector<std::string>& texts) {
    if (texts.size() > kRunTextsMax)
        return refuse(E2BIG, "the run configuration has a list of more than {} texts",
                      kRunTextsMax);
    for (const std::string& text : texts)
        if (text.size() > kRunTextSizeMax || text.find('\0') != std::string::npos)
            return refuse(EINVAL, "the run configuration has a text that no program can be given");
    return {};
}

Result<void> check_run(const RunConfig& run) {
    SR_DO(check_texts(run.entrypoint));
    SR_DO(check_texts(run.command));
    SR_DO(check_texts(run.environment));
    return check_texts({run.working_directory, run.user});
}

}  // namespace

Result<Manifest> Manifest::create(std::vector<Entry> entries, std::vector<Edge> edges,
                                  RunConfig run) {
    if (entries.size() > kEntriesMax)
        return refuse(E2BIG, "{} entries are more than {}", entries.size(), kEntriesMax);
    if (edges.size() > kEdgesMax)
        return refuse(E2BIG, "{} edges are more than {}", edges.size(), kEdgesMax);
    SR_DO(Checker(entries).check_all());
    SR_DO(check_edges(entries, edges));
    SR_DO(check_run(run));
    return Manifest(std::move(entries), std::move(edges), std::move(run));
}

std::optional<std::uint32_t> Manifest::index_of(std::string_view path) const {
    const auto comes_before = [](const Entry& entry, std::string_view wanted) {
        return compare_paths(entry.path, wanted) == std::strong_ordering::less;
    };
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), path, comes_before);
    if (found == entries_.end() || found->path != path) return std::nullopt;
    return static_cast<std::uint32_t>(found - entries_.begin());
}

std::uint32_t Manifest::end_of_subtree(std::uint32_t index) const {
    SR_ASSERT(index < entries_.size());
    const std::string& folder = entries_[index].path;
    const auto begin = entries_.begin() + index;
    const auto end = std::partition_point(
        begin, entries_.end(), [&](const Entry& entry) { return is_within(entry.path, folder); });
    return static_cast<std::uint32_t>(end - entries_.begin());
}

std::span<const Edge> Manifest::edges_from(std::uint32_t index) const {
    const auto range = std::ranges::equal_range(edges_, index, {}, &Edge::from);
    return {range.begin(), range.end()};
}

std::vector<blob::Digest> Manifest::blobs() const {
    std::vector<blob::Digest> digests;
    for (const Entry& entry : entries_)
        if (entry.type == EntryType::file) digests.push_back(entry.digest);
    std::ranges::sort(digests);
    const auto repeated = std::ranges::unique(digests);
    digests.erase(repeated.begin(), repeated.end());
    return digests;
}

std::uint64_t Manifest::content_bytes() const {
    std::unordered_map<blob::Digest, std::uint64_t> sizes;
    for (const Entry& entry : entries_)
        if (entry.type == EntryType::file) sizes[entry.digest] = entry.size_bytes;
    std::uint64_t sum = 0;
    for (const auto& [digest, size] : sizes) sum += size;
    return sum;
}

std::uint64_t Manifest::file_count() const {
    return static_cast<std::uint64_t>(std::ranges::count(entries_, EntryType::file, &Entry::type));
}

std::string_view name_of(EntryType type) {
    switch (type) {
        case EntryType::directory:
            return "directory";
        case EntryType::file:
            return "file";
        case EntryType::symlink:
            return "symlink";
        case EntryType::hard_link:
            return "hard link";
        case EntryType::char_device:
            return "character device";
        case EntryType::block_device:
            return "block device";
        case EntryType::fifo:
            return "fifo";
        case EntryType::socket:
            return "socket";
    }
    return "unknown";
}

std::string_view name_of(EdgeReason reason) {
    switch (reason) {
        case EdgeReason::interpreter:
            return "interpreter";
        case EdgeReason::library:
            return "library";
        case EdgeReason::shebang:
            return "shebang";
        case EdgeReason::python_import:
            return "python import";
        case EdgeReason::python_cache:
            return "python cache";
        case EdgeReason::named_path:
            return "named path";
    }
    return "unknown";
}

std::string_view name_of(BlobKind kind) {
    switch (kind) {
        case BlobKind::data:
            return "data";
        case BlobKind::code:
            return "code";
        case BlobKind::configuration:
            return "configuration";
    }
    return "unknown";
}

}  // namespace shardrun::image
