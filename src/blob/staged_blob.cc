#include "blob/staged_blob.h"

#include "base/fail.h"
#include "sys/file_io.h"

namespace shardrun::blob {
namespace {

constexpr std::size_t kWaitingMax = std::size_t{256} * 1024;

}  // namespace

Result<void> StagedBlob::append(std::span<const std::byte> bytes) {
    hasher_.update(bytes);
    size_bytes_ += bytes.size();
    if (!file_ && waiting_.size() + bytes.size() <= kWaitingMax) {
        waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
        return {};
    }
    SR_DO(write_out());
    return sys::write_all(file().fd(), bytes);
}

Result<void> StagedBlob::write_out() {
    if (!file_) {
        SR_TRY(sys::StagedFile file, sys::StagedFile::create(*staging_, kBlobMode));
        file_.emplace(std::move(file));
    }
    SR_DO(sys::write_all(file_->fd(), waiting_));
    waiting_ = {};
    return {};
}

const sys::StagedFile& StagedBlob::file() const {
    SR_ASSERT(file_.has_value());
    return *file_;
}

}  // namespace shardrun::blob
