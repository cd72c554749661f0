#include "importer/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/fail.h"

namespace shardrun::importer {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

// All that libarchive reads in this process; lrzip, lzop and grzip would be programs.
void support_compressions(archive* handle) {
    for (const auto support :
         {&::archive_read_support_filter_gzip, &::archive_read_support_filter_bzip2,
          &::archive_read_support_filter_compress, &::archive_read_support_filter_lzma,
          &::archive_read_support_filter_xz, &::archive_read_support_filter_lzip,
          &::archive_read_support_filter_lz4, &::archive_read_support_filter_zstd})
        (void)support(handle);  // One that this libarchive lacks is told when it is met.
}

}  // namespace

void ArchiveReader::Free::operator()(archive* handle) const {
    (void)::archive_read_free(handle);  // What was wrong has been told.
}

ArchiveReader::ArchiveReader(ByteSource& source)
    : source_(source), handle_(::archive_read_new()), buffer_(kBufferSize) {}

ArchiveReader::~ArchiveReader() = default;

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::open(ByteSource& source) {
    std::unique_ptr<ArchiveReader> reader(new ArchiveReader(source));
    archive* const handle = reader->handle_.get();
    SR_ASSERT(handle != nullptr);
    support_compressions(handle);
    SR_ASSERT(::archive_read_support_format_tar(handle) == ARCHIVE_OK);
    (void)::archive_read_set_read_callback(handle, &ArchiveReader::on_read);
    (void)::archive_read_set_skip_callback(handle, &ArchiveReader::on_skip);
    (void)::archive_read_set_callback_data(handle, reader.get());
    if (::archive_read_open1(handle) != ARCHIVE_OK) return reader->failure();
    return reader;
}

ssize_t ArchiveReader::on_read(archive* handle, void* self, const void** bytes) {
    auto* const reader = static_cast<ArchiveReader*>(self);
    const auto size = reader->source_.read(reader->buffer_);
    if (!size) {
        reader->source_error_ = size.error();
        ::archive_set_error(handle, size.error().code, "%s", size.error().message.c_str());
        return ARCHIVE_FATAL;
    }
    *bytes = reader->buffer_.data();
    return static_cast<ssize_t>(*size);
}

std::int64_t ArchiveReader::on_skip(archive*, void* self, std::int64_t size) {
    auto* const reader = static_cast<ArchiveReader*>(self);
    return static_cast<std::int64_t>(reader->source_.skip(static_cast<std::uint64_t>(size)));
}

std::unexpected<Error> ArchiveReader::failure() {
    if (source_error_) return std::unexpected(*source_error_);
    const char* const text = ::archive_error_string(handle_.get());
    return refuse(EPROTO, "the archive cannot be read: {}", text != nullptr ? text : "no reason");
}

Result<archive_entry*> ArchiveReader::next() {
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(handle_.get(), &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    // A warning is that a name is not in the locale's encoding: its bytes are what we want.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return failure();
    return entry;
}

Result<std::optional<ArchiveReader::Block>> ArchiveReader::read_block() {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = ::archive_read_data_block(handle_.get(), &data, &size, &offset);
    if (result == ARCHIVE_EOF) return std::nullopt;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return failure();
    if (offset < 0) return refuse(EPROTO, "the archive has a piece of a file before its beginning");
    return Block{{static_cast<const std::byte*>(data), size}, static_cast<std::uint64_t>(offset)};
}

}  // namespace shardrun::importer
