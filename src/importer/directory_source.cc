#include "importer/directory_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <map>

#include "base/fail.h"
#include "image/path.h"
#include "sys/file_io.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

constexpr std::size_t kNamesBuffer = std::size_t{64} * 1024;

EntryType type_of(mode_t mode) {
    if (S_ISDIR(mode)) return EntryType::directory;
    if (S_ISREG(mode)) return EntryType::file;
    if (S_ISLNK(mode)) return EntryType::symlink;
    if (S_ISCHR(mode)) return EntryType::char_device;
    if (S_ISBLK(mode)) return EntryType::block_device;
    return S_ISFIFO(mode) ? EntryType::fifo : EntryType::socket;
}

/// By getdents64 on the descriptor: fdopendir would want to ask for its flags and more.
Result<std::vector<std::string>> names_in(int directory) {
    std::vector<std::string> names;
    std::vector<char> buffer(kNamesBuffer);
    while (true) {
        const long size = ::syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
        if (size < 0) return fail_errno("read the directory");
        if (size == 0) return names;
        for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
            // struct linux_dirent64: inode, offset, u16 length at 16, type, name from 19 on.
            std::uint16_t length = 0;
            std::memcpy(&length, buffer.data() + at + 16, sizeof length);
            const std::string_view name(buffer.data() + at + 19);
            if (name != "." && name != "..") names.emplace_back(name);
            at += length;
        }
    }
}

Result<std::string> target_of(int link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size <= 0) return fail_errno("read the symbolic link");
    return std::string(target.data(), static_cast<std::size_t>(size));
}

class DirectoryImport {
 public:
    DirectoryImport(Context& context, const BrokerClient& broker)
        : context_(context), broker_(broker) {}

    Result<void> run() {
        context_.tree.begin_layer();
        SR_DO(context_.budget.add_entry(""));
        SR_TRY(const BrokeredFile root, broker_.open(""));
        SR_TRY(const Inode inode, look_at(root));
        SR_DO(context_.tree.add("", inode));
        return descend("", root.fd.get());
    }

 private:
    Result<void> descend(const std::string& folder, int fd) {
        SR_TRY(std::vector<std::string> names, while_doing(names_in(fd), "import '{}'", folder));
        std::ranges::sort(names);
        for (const std::string& name : names) SR_DO(take(image::join_path(folder, name)));
        return {};
    }

    Result<void> take(const std::string& path) {
        SR_DO(context_.budget.add_entry(path));
        auto file = broker_.open(path);
        if (!file && file.error().code == ENOENT) return {};  // Removed since it was listed.
        if (!file) return std::unexpected(file.error());
        SR_TRY(const struct stat status, sys::status_of(file->fd.get()));
        const EntryType type = type_of(status.st_mode);
        if (S_ISDIR(status.st_mode)) {
            SR_TRY(const Inode inode, while_doing(look_at(*file), "import '{}'", path));
            SR_DO(add(path, inode));
            return descend(path, file->fd.get());
        }
        if (status.st_nlink > 1) {
            const auto known = linked_.find({status.st_dev, status.st_ino});
            if (known != linked_.end()) return context_.tree.add_hard_link(path, known->second);
        }
        if (type != EntryType::file && type != EntryType::symlink) {
            SR_TRY(const bool is_admitted, admit_special(context_, path, type));
            if (!is_admitted) return {};
        }
        SR_TRY(Inode inode, while_doing(look_at(*file), "import '{}'", path));
        if (type == EntryType::file) {
            FdSource source(std::move(file->fd), context_.budget);
            SR_TRY(inode.content,
                   context_.content.send(path, (status.st_mode & 0111U) != 0, source));
        }
        SR_DO(add(path, inode));
        if (status.st_nlink > 1) linked_[{status.st_dev, status.st_ino}] = path;
        return {};
    }

    Result<void> add(const std::string& path, const Inode& inode) {
        const Result<void> added = context_.tree.add(path, inode);
        return added ? added : refuse(added.error().code, "'{}' {}", path, added.error().message);
    }

    static Result<Inode> look_at(const BrokeredFile& file) {
        SR_TRY(const struct stat status, sys::status_of(file.fd.get()));
        Inode inode;
        image::Entry& entry = inode.attributes;
        entry.type = type_of(status.st_mode);
        entry.mode = static_cast<std::uint16_t>(status.st_mode & 07777U);
        entry.uid = status.st_uid;
        entry.gid = status.st_gid;
        entry.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
        if (S_ISLNK(status.st_mode)) {
            SR_TRY(entry.target, target_of(file.fd.get()));
        }
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
            entry.device_major = ::major(status.st_rdev);
            entry.device_minor = ::minor(status.st_rdev);
        }
        std::vector<image::Xattr> xattrs;
        for (const image::Xattr& xattr : file.xattrs)
            if (is_kept_xattr(xattr.name, xattr.value.size(), entry.type)) xattrs.push_back(xattr);
        SR_DO(set_xattrs(entry, std::move(xattrs)));
        return inode;
    }

    Context& context_;
    const BrokerClient& broker_;
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

}  // namespace

Result<void> import_directory(Context& context, const BrokerClient& broker) {
    return DirectoryImport(context, broker).run();
}

}  // namespace shardrun::importer
