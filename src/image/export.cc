#include "image/export.h"

#include <vector>

#include "base/fail.h"
#include "image/tar_writer.h"
#include "sys/file_io.h"

namespace shardrun::image {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

/// Few large writes instead of many of one block.
class Output {
 public:
    explicit Output(int fd) : fd_(fd) {}

    Result<void> write(std::span<const std::byte> bytes) {
        waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
        return waiting_.size() >= kBufferSize ? flush() : Result<void>();
    }
    Result<void> flush() {
        SR_DO(sys::write_all(fd_, waiting_));
        waiting_.clear();
        return {};
    }

 private:
    int fd_;
    std::vector<std::byte> waiting_;
};

class Exporter {
 public:
    Exporter(const blob::Store& store, const Manifest& manifest, int fd,
             const std::function<void(std::uint64_t)>& on_progress)
        : store_(store),
          manifest_(manifest),
          output_(fd),
          tar_([this](std::span<const std::byte> bytes) { return output_.write(bytes); }),
          on_progress_(on_progress) {}

    Result<ExportReport> run() {
        for (const Entry& entry : manifest_.entries())
            SR_DO(while_doing(write(entry), "export '{}'", entry.path));
        SR_DO(tar_.finish());
        SR_DO(output_.flush());
        return report_;
    }

 private:
    Result<void> write(const Entry& entry) {
        const bool is_link = entry.type == EntryType::hard_link;
        const std::string link = is_link ? manifest_.entries()[entry.link_to].path : "";
        SR_TRY(const bool is_written, tar_.write_header(entry, link));
        ++(is_written ? report_.entry_count : report_.skipped_count);
        return entry.type == EntryType::file ? write_content(entry) : Result<void>();
    }

    Result<void> write_content(const Entry& entry) {
        SR_TRY(const blob::OpenBlob blob, store_.open_blob(entry.digest));
        blob::Hasher hasher;
        std::uint64_t left = entry.size_bytes;
        while (left > 0) {
            const auto room = std::span(buffer_).first(std::min<std::uint64_t>(left, kBufferSize));
            SR_TRY(const std::size_t size, sys::read_some(blob.fd.get(), room));
            if (size == 0) break;
            hasher.update(room.first(size));
            SR_DO(tar_.write_content(room.first(size)));
            left -= size;
            content_bytes_ += size;
            if (on_progress_) on_progress_(content_bytes_);
        }
        if (left != 0 || blob.size_bytes != entry.size_bytes || hasher.finish() != entry.digest)
            return refuse(EBADMSG,
                          "blob {} does not have the bytes that its name says: see 'shardrun image "
                          "verify'",
                          blob::to_hex(entry.digest));
        return tar_.end_content();
    }

    const blob::Store& store_;
    const Manifest& manifest_;
    Output output_;
    TarWriter tar_;
    const std::function<void(std::uint64_t)>& on_progress_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(kBufferSize);
    std::uint64_t content_bytes_ = 0;
    ExportReport report_;
};

}  // namespace

Result<ExportReport> export_tar(const blob::Store& store, const Manifest& manifest, int fd,
                                const std::function<void(std::uint64_t)>& on_progress) {
    return Exporter(store, manifest, fd, on_progress).run();
}

}  // namespace shardrun::image
