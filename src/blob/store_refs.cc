#include <fcntl.h>

#include <algorithm>

#include "base/fail.h"
#include "base/store_name.h"
#include "blob/store.h"
#include "sys/file_io.h"
#include "sys/staged_file.h"

/// Names of blobs: one small file each, replaced in one step.
namespace shardrun::blob {
namespace {

constexpr std::string_view kSlash = "%2F";  // '%' is in no name.
constexpr std::size_t kRefSizeMax = 4096;

std::string file_name_of(std::string_view name) {
    std::string file;
    for (const char c : name) {
        if (c == '/')
            file += kSlash;
        else
            file += c;
    }
    return file;
}

std::string name_of_file(std::string file) {
    for (std::size_t at = 0; (at = file.find(kSlash, at)) != std::string::npos; ++at)
        file.replace(at, kSlash.size(), "/");
    return file;
}

Result<Digest> read_ref(const sys::Directory& folder, const std::string& file) {
    SR_TRY(const UniqueFd fd, folder.open_file(file, O_RDONLY));
    SR_TRY(const std::vector<std::byte> bytes, sys::read_rest(fd.get(), kRefSizeMax));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    auto digest = parse_digest(text.substr(0, text.find('\n')));
    if (!digest)
        return refuse(EBADMSG, "'{}/{}' is damaged: it should hold a digest; remove it",
                      folder.path(), file);
    return digest;
}

}  // namespace

const sys::Directory& Store::folder_of(RefKind kind) const {
    return kind == RefKind::image ? folders_->images : folders_->pins;
}

Result<void> Store::check_ref_name(std::string_view name) {
    if (is_store_name(name)) return {};
    return refuse(EINVAL, "'{}' is no name: {}", name.substr(0, 100), kStoreNameRule);
}

Result<Digest> Store::find_named(RefKind kind, const std::string& name) const {
    SR_TRY(const std::optional<Digest> digest, find_ref(kind, name));
    if (digest) return *digest;
    const char* const what = kind == RefKind::image ? "image" : "blob";
    return refuse(ENOENT, "there is no {} '{}': 'shardrun {} ls' shows those there are", what, name,
                  what);
}

Result<void> Store::set_ref(RefKind kind, const std::string& name, const Digest& digest) const {
    SR_DO(check_ref_name(name));
    SR_TRY(const sys::FileLock held, lock(sys::LockMode::shared));
    SR_TRY(const sys::StagedFile file, sys::StagedFile::create(folders_->staging, 0600));
    const std::string text = to_hex(digest) + "\n";
    SR_DO(sys::write_all(file.fd(), std::as_bytes(std::span(text))));
    SR_DO(file.sync());
    SR_DO(file.replace(folder_of(kind), file_name_of(name)));
    return folder_of(kind).sync();
}

Result<std::optional<Digest>> Store::find_ref(RefKind kind, const std::string& name) const {
    SR_DO(check_ref_name(name));
    auto digest = read_ref(folder_of(kind), file_name_of(name));
    if (digest) return *digest;
    if (digest.error().code == ENOENT) return std::nullopt;
    return std::unexpected(std::move(digest).error());
}

Result<std::vector<Ref>> Store::list_refs(RefKind kind) const {
    std::vector<Ref> refs;
    SR_TRY(const std::vector<std::string> files, folder_of(kind).names());
    for (const std::string& file : files) {
        if (file.starts_with(".")) continue;  // On its way, or left behind.
        auto digest = read_ref(folder_of(kind), file);
        if (!digest && digest.error().code == ENOENT) continue;  // Removed since.
        if (!digest) return std::unexpected(std::move(digest).error());
        refs.push_back({name_of_file(file), *digest});
    }
    std::ranges::sort(refs, {}, &Ref::name);
    return refs;
}

Result<bool> Store::remove_ref(RefKind kind, const std::string& name) const {
    SR_DO(check_ref_name(name));
    SR_TRY(const bool was_there, folder_of(kind).remove_file(file_name_of(name)));
    SR_DO(folder_of(kind).sync());
    return was_there;
}

}  // namespace shardrun::blob
