// How the Server performs each of the Manager's actions.
#include <variant>

#include "base/log.h"
#include "supervisor/server.h"

namespace shardrun::supervisor {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

}  // namespace

void Server::perform_one(Action& action) {
    const auto cases = Overloaded{
        [this](const PrepareShard& a) { backend_->prepare_shard(a.spec); },
        [this](const RunProgram& a) { backend_->run_program(a.shard, a.program); },
        [this](const SignalProgram& a) {
            backend_->signal_program(a.shard, a.program, a.signal_number);
        },
        [this](const ApplyLimits& a) { backend_->apply_limits(a.shard, a.limits); },
        [this](const DestroyShard& a) { backend_->destroy_shard(a.shard); },
        [this](const RemoveSlice& a) { backend_->remove_slice(a.slice); },
        [this](const MeasureStatus& a) { backend_->measure_status(a.shard, a.request); },
        [this](const PrefetchFile& a) { backend_->prefetch_file(a.shard, a.request, a.name); },
        [this](const LoadBlob& a) { backend_->load_blob(a.shard, a.request, a.name); },
        [this](const OpenBlob& a) { backend_->open_blob(a.request, a.name); },
        [this](const SendFrame& a) { connections_.send(a.client, a.frame, a.fds); },
        [this](const CloseClient& a) { connections_.close(a.client); },
        [this](const DiscardFd& a) { fds_.discard(a.fd); },
        [](const LogLine& a) { log(static_cast<LogLevel>(a.level), "{}", a.line); },
        [this](const Finish&) { is_finished_ = true; }};
    std::visit(cases, action);
}

}  // namespace shardrun::supervisor
