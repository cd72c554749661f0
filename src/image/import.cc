#include "image/import.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "image/broker.h"
#include "image/import_receiver.h"
#include "image/manifest_codec.h"
#include "sys/child_program.h"
#include "sys/file_io.h"
#include "sys/seqpacket.h"

namespace shardrun::image {
namespace {

constexpr int kPipeSize = 1 << 20;
// What a sanitizer has to say goes to stderr; else nothing of the importer's reaches a terminal.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kSharesStderr = true;
#else
constexpr bool kSharesStderr = false;
#endif

class SessionSink final : public ContentSink {
 public:
    explicit SessionSink(blob::Session& session)
        : session_(session), blob_(std::make_unique<blob::StagedBlob>(session.stage())) {}

    Result<void> append(std::span<const std::byte> bytes) override { return blob_->append(bytes); }

    Result<blob::StoredBlob> finish() override {
        const auto complete =
            std::exchange(blob_, std::make_unique<blob::StagedBlob>(session_.stage()));
        return session_.add(std::move(*complete));
    }

 private:
    blob::Session& session_;
    std::unique_ptr<blob::StagedBlob> blob_;  // A new one for each file.
};

/// Keeps nothing.
class DigestSink final : public ContentSink {
 public:
    Result<void> append(std::span<const std::byte> bytes) override {
        hasher_.update(bytes);
        size_bytes_ += bytes.size();
        return {};
    }

    Result<blob::StoredBlob> finish() override {
        return blob::StoredBlob{hasher_.finish(), std::exchange(size_bytes_, 0)};
    }

 private:
    blob::Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
};

std::unique_ptr<ContentSink> make_sink(blob::Session& session, bool keeps_content) {
    if (keeps_content) return std::make_unique<SessionSink>(session);
    return std::make_unique<DigestSink>();
}

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("make a pipe");
    // More would only be quicker; users may be at their limit for pipes.
    (void)::fcntl(ends[0], F_SETPIPE_SZ, kPipeSize);
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// The importer's process and both ways to it.
class Importer {
 public:
    static Result<Importer> start(const ImportRequest& request) {
        SR_TRY(Pipe pipe, make_pipe());
        SR_TRY(sys::PacketPair sockets, sys::make_packet_pair());
        SR_TRY(const struct stat status, sys::status_of(request.input.get()));
        const bool is_directory = S_ISDIR(status.st_mode);
        const std::array<sys::PassedFd, 3> passed{{{request.input.get(), kInputFd},
                                                   {pipe.write_end.get(), kOutputFd},
                                                   {sockets.peer.get(), kBrokerFd}}};
        std::vector<std::string> argv = to_arguments(request.options);
        argv.insert(argv.begin(), "shardrun-import");
        SR_TRY(sys::ChildProgram child,
               sys::ChildProgram::start(request.helper, std::move(argv), passed, kSharesStderr));
        return Importer(std::move(child), std::move(pipe.read_end), std::move(sockets.own),
                        is_directory ? request.input.get() : -1);
    }

    /// Waits until there are frames, and answers questions meanwhile.
    Result<void> wait_for_output() {
        while (true) {
            std::array<pollfd, 2> fds{{{output_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}}};
            // A closed socket would wake us up for ever.
            const nfds_t count = is_asking_ ? 2 : 1;
            if (::poll(fds.data(), count, -1) < 0) {
                if (errno == EINTR) continue;
                return fail_errno("wait for the importer");
            }
            if (is_asking_ && fds[1].revents != 0) {
                SR_TRY(is_asking_, Broker(socket_.get(), root_).answer());
            }
            if (fds[0].revents != 0) return {};
        }
    }

    int output() const { return output_.get(); }

    /// It closed its output without a last word.
    std::unexpected<Error> explain_silence() {
        const Result<std::string> end = child_.wait();
        if (!end) return std::unexpected(end.error());
        return refuse(ECHILD, "the importer ended before its work was done: {}",
                      end->empty() ? "exit status 0" : *end);
    }

 private:
    Importer(sys::ChildProgram child, UniqueFd output, UniqueFd socket, int root)
        : child_(std::move(child)),
          output_(std::move(output)),
          socket_(std::move(socket)),
          root_(root) {}

    sys::ChildProgram child_;
    UniqueFd output_;
    UniqueFd socket_;
    int root_;
    bool is_asking_ = true;
};

/// Bytes of which frames are taken at the front.
class FrameBuffer {
 public:
    /// Room to be filled; the frame under way always fits.
    std::span<std::byte> room() {
        std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
        end_ -= begin_;
        begin_ = 0;
        return std::span(bytes_).subspan(end_);
    }
    void add(std::size_t size) { end_ += size; }

    Result<std::optional<ImportFrame>> next() {
        SR_TRY(std::optional<ImportFrame> frame,
               take_frame(std::span(bytes_).subspan(begin_, end_ - begin_)));
        if (frame) begin_ += kFrameHeaderSize + frame->payload.size();
        return frame;
    }

 private:
    std::vector<std::byte> bytes_ = std::vector<std::byte>(kFrameHeaderSize + kFramePayloadMax);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

ImportProgress progress_of(const ImportReceiver& receiver, std::uint64_t input_size) {
    return {receiver.input_bytes(), input_size, receiver.content_count(), receiver.content_bytes()};
}

Result<void> receive_all(Importer& importer, ImportReceiver& receiver,
                         const ImportRequest& request) {
    SR_TRY(const struct stat status, sys::status_of(request.input.get()));
    const auto input_size =
        S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    FrameBuffer buffer;
    while (!receiver.is_done()) {
        SR_DO(importer.wait_for_output());
        SR_TRY(const std::size_t size, sys::read_some(importer.output(), buffer.room()));
        if (size == 0) return importer.explain_silence();
        buffer.add(size);
        while (true) {
            SR_TRY(const std::optional<ImportFrame> frame, buffer.next());
            if (!frame) break;
            SR_DO(receiver.take(*frame));
        }
        if (request.on_progress) request.on_progress(progress_of(receiver, input_size));
    }
    return {};
}

}  // namespace

Result<ImportedImage> import_image(blob::Session& session, const ImportRequest& request) {
    SR_TRY(Importer importer, Importer::start(request));
    const std::unique_ptr<ContentSink> sink = make_sink(session, request.keeps_content);
    ImportReceiver receiver(request.options.limits, *sink);
    SR_DO(receive_all(importer, receiver, request));
    std::vector<std::string> notes = receiver.notes();
    SR_TRY(Manifest manifest, std::move(receiver).make_manifest());
    SR_TRY(const std::vector<std::byte> bytes, encode_manifest(manifest));
    SR_TRY(const blob::StoredBlob blob, session.add_bytes(bytes));
    SR_DO(session.flush());
    return ImportedImage{std::move(manifest), blob, std::move(notes)};
}

}  // namespace shardrun::image
