#include "importer/tar_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <optional>

#include "base/fail.h"
#include "image/path.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufsOwn = ".wh..wh.";
constexpr std::int64_t kIdMax = 0xfffffffe;

std::optional<EntryType> type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return EntryType::file;
        case S_IFDIR:
            return EntryType::directory;
        case S_IFLNK:
            return EntryType::symlink;
        case S_IFCHR:
            return EntryType::char_device;
        case S_IFBLK:
            return EntryType::block_device;
        case S_IFIFO:
            return EntryType::fifo;
        case S_IFSOCK:
            return EntryType::socket;
        default:
            return std::nullopt;
    }
}

/// Messages of what is in here stand behind the path.
class TarImport {
 public:
    TarImport(Context& context, ArchiveReader& archive, TarMeaning meaning)
        : context_(context), archive_(archive), meaning_(meaning) {}

    Result<void> run() {
        context_.tree.begin_layer();
        while (true) {
            SR_TRY(archive_entry* const entry, archive_.next());
            if (entry == nullptr) return {};
            const char* const name = ::archive_entry_pathname(entry);
            if (name == nullptr) return refuse(EPROTO, "the archive has an entry without a name");
            SR_DO(take(entry, name));
        }
    }

 private:
    Result<void> take(archive_entry* entry, std::string_view name) {
        const Result<std::string> path = canonical_path(name);
        if (!path) return about(name, path.error());
        SR_DO(context_.budget.add_entry(*path));
        if (meaning_ == TarMeaning::layer) {
            const Result<bool> taken = take_whiteout(*path);
            if (!taken) return about(*path, taken.error());
            if (*taken) return {};
        }
        return take_entry(entry, *path);
    }

    static std::unexpected<Error> about(std::string_view path, const Error& reason) {
        return refuse(reason.code, "'{}' {}", path, reason.message);
    }

    /// Source: OCI image specification, layer.md.
    Result<bool> take_whiteout(const std::string& path) {
        if (path.empty()) return false;
        const std::string_view name = image::last_name(path);
        if (!name.starts_with(kWhiteout)) return false;
        const std::string parent(image::parent_path(path));
        if (name == kOpaque) {
            SR_DO(context_.tree.hide_below(parent));
        } else if (!name.starts_with(kAufsOwn)) {
            const std::string hidden(name.substr(kWhiteout.size()));
            const std::string whole = image::join_path(parent, hidden);
            SR_DO(image::check_path(whole));
            if (hidden.empty()) return refuse(EINVAL, "is a whiteout of nothing");
            SR_DO(context_.tree.hide(whole));
        }
        return true;
    }

    Result<void> take_entry(archive_entry* entry, const std::string& path) {
        if (const char* const target = ::archive_entry_hardlink(entry); target != nullptr)
            return take_hard_link(path, target);
        const auto type = type_of(::archive_entry_filetype(entry));
        if (!type) return refuse(EPROTO, "'{}' is of no known type", path);
        const bool is_special = *type != EntryType::file && *type != EntryType::directory &&
                                *type != EntryType::symlink;
        if (is_special) {
            SR_TRY(const bool is_admitted, admit_special(context_, path, *type));
            if (!is_admitted) return {};
        }
        Inode inode;
        inode.attributes.type = *type;
        if (const auto read = read_attributes(entry, inode.attributes); !read)
            return about(path, read.error());
        if (*type == EntryType::file) {
            SR_TRY(inode.content, read_content(entry, path, inode.attributes));
        }
        const Result<void> added = context_.tree.add(path, inode);
        return added ? added : about(path, added.error());
    }

    Result<void> take_hard_link(const std::string& path, std::string_view target) {
        const Result<std::string> linked = canonical_path(target);
        if (!linked)
            return refuse(linked.error().code, "'{}' is a hard link to '{}', which {}", path,
                          target, linked.error().message);
        const Result<void> added = context_.tree.add_hard_link(path, *linked);
        return added ? added : about(path, added.error());
    }

    static Result<void> read_attributes(archive_entry* from, image::Entry& to) {
        const std::int64_t uid = ::archive_entry_uid(from);
        const std::int64_t gid = ::archive_entry_gid(from);
        if (uid < 0 || uid > kIdMax || gid < 0 || gid > kIdMax)
            return refuse(EINVAL, "has the owner {}:{}", uid, gid);
        to.uid = static_cast<std::uint32_t>(uid);
        to.gid = static_cast<std::uint32_t>(gid);
        to.mode = static_cast<std::uint16_t>(::archive_entry_perm(from) & 07777U);
        to.mtime.seconds = ::archive_entry_mtime(from);
        const long nanoseconds = ::archive_entry_mtime_nsec(from);
        if (nanoseconds > 0 && nanoseconds < 1'000'000'000)
            to.mtime.nanoseconds = static_cast<std::uint32_t>(nanoseconds);
        // libarchive 3.6 gives "-1.25" as -1 and 25 hundredths, which is what "-0.75" would be.
        if (to.mtime.seconds < 0 && to.mtime.nanoseconds != 0) {
            --to.mtime.seconds;
            to.mtime.nanoseconds = 1'000'000'000 - to.mtime.nanoseconds;
        }
        to.device_major = static_cast<std::uint32_t>(::archive_entry_rdevmajor(from));
        to.device_minor = static_cast<std::uint32_t>(::archive_entry_rdevminor(from));
        if (to.type == EntryType::symlink) {
            const char* const target = ::archive_entry_symlink(from);
            if (target == nullptr || *target == '\0' ||
                std::string_view(target).size() > image::kPathSizeMax)
                return refuse(EINVAL, "is a symbolic link without a possible target");
            to.target = target;
        }
        return read_xattrs(from, to);
    }

    static Result<void> read_xattrs(archive_entry* from, image::Entry& to) {
        std::vector<image::Xattr> xattrs;
        (void)::archive_entry_xattr_reset(from);  // Says how many; the loop sees.
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        while (::archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
            if (name != nullptr && is_kept_xattr(name, size, to.type))
                xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
        return set_xattrs(to, std::move(xattrs));
    }

    Result<std::uint32_t> read_content(archive_entry* entry, const std::string& path,
                                       const image::Entry& attributes) {
        ContentStream& content = context_.content;
        content.begin(path, (attributes.mode & 0111U) != 0);
        while (true) {
            SR_TRY(const std::optional<ArchiveReader::Block> block,
                   while_doing(archive_.read_block(), "'{}'", path));
            if (!block) break;
            SR_DO(content.fill_up_to(block->offset));
            SR_DO(content.append(block->bytes));
        }
        // A hole at the end of a sparse file.
        if (::archive_entry_size_is_set(entry) != 0)
            SR_DO(content.fill_up_to(static_cast<std::uint64_t>(::archive_entry_size(entry))));
        return content.end();
    }

    Context& context_;
    ArchiveReader& archive_;
    TarMeaning meaning_;
};

}  // namespace

Result<void> import_tar(Context& context, ArchiveReader& archive, TarMeaning meaning) {
    return TarImport(context, archive, meaning).run();
}

}  // namespace shardrun::importer
